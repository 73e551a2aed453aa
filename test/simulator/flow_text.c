/*-------------------------------------------------------------------------
 *
 * flow_text.c
 *	  JSON as Go writes it, and Flow's addresses.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---------- JSON ---------- */

/* The escape of a byte inside a string; NULL: it stands for itself. */
static const char *
escape_of(unsigned char byte, char buffer[8])
{
	switch (byte)
	{
		case '"':
			return "\\\"";
		case '\\':
			return "\\\\";
		case '\n':
			return "\\n";
		case '\r':
			return "\\r";
		case '\t':
			return "\\t";
		default:
			if (byte >= 0x20 && byte != '<' && byte != '>' && byte != '&')
				return NULL;
			snprintf(buffer, 8, "\\u%04x", byte);
			return buffer;
	}
}

void
cs_sim_flow_quote(CsSimText *text, const char *string, size_t length)
{
	char		buffer[8];

	cs_sim_text_add(text, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		const char *escape = escape_of((unsigned char) string[i], buffer);

		if (escape != NULL)
			cs_sim_text_add(text, escape, strlen(escape));
		else
			cs_sim_text_add(text, string + i, 1);
	}
	cs_sim_text_add(text, "\"", 1);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
add_object(CsSimText *text, json_object *value, bool sorted)
{
	const char **keys = cs_sim_alloc((size_t) json_object_object_length(value) *
									 sizeof(*keys) + 1);
	size_t		count = 0;

	json_object_object_foreach(value, name, ignored)
	{
		(void) ignored;
		keys[count++] = name;
	}
	if (sorted)
		qsort(keys, count, sizeof(*keys), compare_keys);
	cs_sim_text_add(text, "{", 1);
	for (size_t i = 0; i < count; i++)
	{
		json_object *member = NULL;

		if (i > 0)
			cs_sim_text_add(text, ",", 1);
		cs_sim_flow_quote(text, keys[i], strlen(keys[i]));
		cs_sim_text_add(text, ":", 1);
		(void) json_object_object_get_ex(value, keys[i], &member);
		cs_sim_flow_json(text, member, sorted);
	}
	cs_sim_text_add(text, "}", 1);
	free(keys);
}

void
cs_sim_flow_json(CsSimText *text, json_object *value, bool sorted)
{
	const char *scalar;

	if (json_object_is_type(value, json_type_object))
		add_object(text, value, sorted);
	else if (json_object_is_type(value, json_type_array))
	{
		cs_sim_text_add(text, "[", 1);
		for (size_t i = 0; i < json_object_array_length(value); i++)
		{
			if (i > 0)
				cs_sim_text_add(text, ",", 1);
			cs_sim_flow_json(text, json_object_array_get_idx(value, i),
							 sorted);
		}
		cs_sim_text_add(text, "]", 1);
	}
	else if (json_object_is_type(value, json_type_string))
		cs_sim_flow_quote(text, json_object_get_string(value),
						  (size_t) json_object_get_string_len(value));
	else
	{
		scalar = value == NULL ? "null" : json_object_get_string(value);
		cs_sim_text_add(text, scalar, strlen(scalar));
	}
}

/* A new line, with so many tabs. */
static void
add_break(CsSimText *text, int level)
{
	cs_sim_text_add(text, "\n", 1);
	while (level-- > 0)
		cs_sim_text_add(text, "\t", 1);
}

void
cs_sim_flow_indent(CsSimText *text, const char *json)
{
	int			level = 0;
	bool		quoted = false;

	for (const char *at = json; *at != '\0'; at++)
	{
		bool		opens = *at == '{' || *at == '[';
		bool		closes = *at == '}' || *at == ']';

		if (quoted && *at == '\\')
			cs_sim_text_add(text, at++, 1);
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && closes && at[-1] != '{' && at[-1] != '[')
			add_break(text, --level);
		else if (!quoted && closes)
			level--;
		cs_sim_text_add(text, at, 1);
		if (quoted)
			continue;
		if (opens)
		{
			level++;
			if (at[1] != '}' && at[1] != ']')
				add_break(text, level);
		}
		else if (*at == ',')
			add_break(text, level);
		else if (*at == ':')
			cs_sim_text_add(text, " ", 1);
	}
}

void
cs_sim_flow_time(const CsSimNetwork *network, int64_t ms, CsSimText *text)
{
	time_t		seconds = (time_t) (ms / 1000);
	int			fraction = (int) (ms % 1000);
	struct tm	parts;
	char		digits[16];
	size_t		length;

	(void) gmtime_r(&seconds, &parts);
	cs_sim_text_printf(text, "%04d-%02d-%02dT%02d:%02d:%02d",
					   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
					   parts.tm_hour, parts.tm_min, parts.tm_sec);
	/* Older servers gave nanoseconds; which ones, the time itself says. */
	length = (size_t) snprintf(digits, sizeof(digits),
							   cs_sim_switch(network, FLOW_OLD_TIMES) ?
							   ".%03d%06d" : ".%03d", fraction,
							   (int) (cs_sim_mix((uint64_t) ms) % 1000000));
	while (length > 0 && digits[length - 1] == '0')
		length--;
	if (length > 1)
		cs_sim_text_add(text, digits, length);
	cs_sim_text_add(text, "Z", 1);
}

void
cs_sim_flow_base64(CsSimText *text, const void *data, size_t length)
{
	char	   *encoded = cs_sim_alloc(length / 3 * 4 + 5);
	int			size = EVP_EncodeBlock((unsigned char *) encoded, data,
									   (int) length);

	cs_sim_text_add(text, encoded, (size_t) size);
	free(encoded);
}

/* ---------- addresses ---------- */

/* Rows of the parity check, one for each bit from the least on. */
static const uint32_t parity[64] = {
	0x00001, 0x00002, 0x00004, 0x00008, 0x00010, 0x00020, 0x00040, 0x00080,
	0x00100, 0x00200, 0x00400, 0x00800, 0x01000, 0x02000, 0x04000, 0x08000,
	0x10000, 0x20000, 0x40000, 0x7328d, 0x6689a, 0x6112f, 0x6084b, 0x433fd,
	0x42aab, 0x41951, 0x233ce, 0x22a81, 0x21948, 0x1ef60, 0x1deca, 0x1c639,
	0x1bdd8, 0x1a535, 0x194ac, 0x18c46, 0x1632b, 0x1529b, 0x14a43, 0x13184,
	0x12942, 0x118c1, 0x0f812, 0x0e027, 0x0d00e, 0x0c83c, 0x0b01d, 0x0a831,
	0x0982b, 0x07034, 0x0682a, 0x05819, 0x03807, 0x007d2, 0x00727, 0x0068e,
	0x0067c, 0x0059d, 0x004eb, 0x003b4, 0x0036a, 0x002d9, 0x001c7, 0x0003f
};

/* Rows of the generator, one for each bit of an account's index. */
static const uint64_t generator[45] = {
	0xe467b9dd11fa00df, 0xf233dcee88fe0abe, 0xf919ee77447b7497,
	0xfc8cf73ba23a260d, 0xfe467b9dd11ee2a1, 0xff233dcee888d807,
	0xff919ee774476ce6, 0x7fc8cf73ba231d10, 0x3fe467b9dd11b183,
	0x1ff233dcee8f96d6, 0x8ff919ee774757ba, 0x47fc8cf73ba2b331,
	0x23fe467b9dd27f6c, 0x11ff233dceee8e82, 0x88ff919ee775dd8f,
	0x447fc8cf73b905e4, 0xa23fe467b9de0d83, 0xd11ff233dce8d5a7,
	0xe88ff919ee73c38a, 0x7447fc8cf73f171f, 0xba23fe467b9dcb2b,
	0xdd11ff233dcb0cb4, 0xee88ff919ee26c5d, 0x77447fc8cf775dd3,
	0x3ba23fe467b9b5a1, 0x9dd11ff233d9117a, 0xcee88ff919efa640,
	0xe77447fc8cf3e297, 0x73ba23fe467fabd2, 0xb9dd11ff233fb16c,
	0xdcee88ff919adde7, 0xee77447fc8ceb196, 0xf73ba23fe4621cd0,
	0x7b9dd11ff2379ac3, 0x3dcee88ff91df46c, 0x9ee77447fc88e702,
	0xcf73ba23fe4131b6, 0x67b9dd11ff240f9a, 0x33dcee88ff90f9e0,
	0x19ee77447fcff4e3, 0x8cf73ba23fe64091, 0x467b9dd11ff115c7,
	0x233dcee88ffdb735, 0x919ee77447fe2309, 0xc8cf73ba23fdc736
};

/* What the code words of the network are shifted by. */
static uint64_t
shift(const CsSimNetwork *network)
{
	if (cs_sim_switch(network, FLOW_TESTNET))
		return UINT64_C(0x6834ba37b3980209);
	if (cs_sim_switch(network, FLOW_EMULATOR))
		return UINT64_C(0x1cb159857af02018);
	return 0;
}

const char *
cs_sim_flow_chain_id(const CsSimNetwork *network)
{
	return cs_sim_switch(network, FLOW_TESTNET) ? "flow-testnet" :
		cs_sim_switch(network, FLOW_EMULATOR) ? "flow-emulator" :
		"flow-mainnet";
}

bool
cs_sim_flow_address_valid(const CsSimNetwork *network, uint64_t address)
{
	uint64_t	word = address ^ shift(network);
	uint32_t	sum = 0;

	for (int i = 0; i < 64; i++)
		if (word >> i & 1)
			sum ^= parity[i];
	return word != 0 && sum == 0;
}

uint64_t
cs_sim_flow_address(const CsSimNetwork *network, uint64_t index)
{
	uint64_t	address = shift(network);

	for (int i = 0; i < 45; i++)
		if (index >> i & 1)
			address ^= generator[i];
	return address;
}

uint64_t
cs_sim_flow_parse_address(const char *text)
{
	size_t		length;

	if (strncmp(text, "0x", 2) == 0)
		text += 2;
	length = strlen(text);
	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char) text[i]))
			return 0;
	return strtoull(length > 16 ? text + length - 16 : text, NULL, 16);
}
