/*-------------------------------------------------------------------------
 *
 * flow_address.c
 *	  Account addresses of the Flow networks.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/flow_address.h"

#include <string.h>

#include "codec/hex.h"

#define DIGITS 16

/* What each network adds to the words of the code. */
static const uint64_t shift[] = {
	[CS_FLOW_MAINNET] = 0,
	[CS_FLOW_TESTNET] = UINT64_C(0x6834ba37b3980209),
	[CS_FLOW_EMULATOR] = UINT64_C(0x1cb159857af02018),
};

/* The columns of the parity-check matrix, that of the lowest bit first. */
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

bool
cs_flow_address_decode(const char *text, size_t length, uint64_t *address)
{
	char		digits[DIGITS];
	uint8_t		bytes[DIGITS / 2];
	bool		prefixed = length >= 2 && text[0] == '0' &&
		(text[1] == 'x' || text[1] == 'X');

	if (prefixed)
	{
		text += 2;
		length -= 2;
	}
	if (length > DIGITS || length == 0 || (length < DIGITS && !prefixed))
		return false;
	memset(digits, '0', DIGITS);
	memcpy(digits + DIGITS - length, text, length);
	if (!cs_hex_decode(digits, DIGITS, bytes))
		return false;
	*address = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*address = *address << 8 | bytes[i];
	return true;
}

bool
cs_flow_address_valid(CsFlowNetwork network, uint64_t address)
{
	uint64_t	word = address ^ shift[network];
	uint32_t	syndrome = 0;

	if (word == 0)
		return false;
	for (int bit = 0; bit < 64; bit++)
	{
		if (word >> bit & 1)
			syndrome ^= parity[bit];
	}
	return syndrome == 0;
}

void
cs_flow_address_encode(uint64_t address, char text[CS_FLOW_ADDRESS_LENGTH + 1])
{
	uint8_t		bytes[DIGITS / 2];

	for (size_t i = sizeof(bytes); i > 0; i--)
	{
		bytes[i - 1] = (uint8_t) address;
		address >>= 8;
	}
	memcpy(text, "0x", 2);
	cs_hex_encode_lower(bytes, sizeof(bytes), text + 2);
	text[CS_FLOW_ADDRESS_LENGTH] = '\0';
}
