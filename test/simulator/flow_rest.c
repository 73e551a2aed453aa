/*-------------------------------------------------------------------------
 *
 * flow_rest.c
 *	  What the Flow access node answers over HTTP, from the synthetic chain.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

/* Most heights of one request. */
#define BLOCKS_MAX	50
#define EVENTS_MAX	250

#define STREAM_PATH	"/v1/ws"

/* Answer with compact JSON, which is freed; it goes out indented. */
static void
respond(CsSimResponse *response, int status, CsSimText *json)
{
	CsSimText	text = {NULL, 0, 0};

	cs_sim_flow_indent(&text, json->data);
	cs_sim_respond_text(response, status, "application/json; charset=UTF-8",
						text.data);
	free(text.data);
	free(json->data);
}

static void
respond_error(CsSimResponse *response, int status, const char *format,...)
	__attribute__((format(printf, 3, 4)));

static void
respond_error(CsSimResponse *response, int status, const char *format,...)
{
	char		message[512];
	CsSimText	text = {NULL, 0, 0};
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	cs_sim_text_printf(&text, "{\"code\":%d,\"message\":", status);
	cs_sim_flow_quote(&text, message, strlen(message));
	cs_sim_text_add(&text, "}", 1);
	respond(response, status, &text);
}

/* ---------- heights ---------- */

/* A height of the query: decimal, 0x..., "sealed" or "final". */
static bool
parse_height(CsSimNetwork *network, const char *text, uint64_t *height)
{
	char	   *end;

	if (strcmp(text, "sealed") == 0)
		*height = cs_sim_flow_sealed(network);
	else if (strcmp(text, "final") == 0)
		*height = flow_state(network)->head;
	else if (strncmp(text, "0x", 2) == 0)
	{
		*height = strtoull(text + 2, &end, 16);
		return *end == '\0' && text[2] != '\0';
	}
	else
		return cs_sim_parse_number(text, UINT64_MAX, height);
	return true;
}

/* start_height and end_height; false: answered. */
static bool
parse_range(CsSimNetwork *network, const CsSimRequest *request,
			uint64_t most, uint64_t *from, uint64_t *to,
			CsSimResponse *response)
{
	const char *start = cs_sim_request_argument(request, "start_height");
	const char *end = cs_sim_request_argument(request, "end_height");

	if (start == NULL || end == NULL)
		respond_error(response, 400, "must provide either heights or start "
					  "and end height range");
	else if (!parse_height(network, start, from) ||
			 !parse_height(network, end, to))
		respond_error(response, 400, "invalid height format");
	else if (*from > *to)
		respond_error(response, 400,
					  "start height must be less than or equal to end height");
	else if (*to - *from >= most && strcmp(end, "sealed") != 0)
		respond_error(response, 400, "height range %llu exceeds maximum "
					  "allowed of %llu", (unsigned long long) (*to - *from),
					  (unsigned long long) most);
	else
		return true;
	return false;
}

static bool
has_block(const CsSimNetwork *network, uint64_t height)
{
	return height >= cs_sim_setting(network, FLOW_ROOT_HEIGHT) &&
		height <= flow_state(network)->head;
}

/* ---------- blocks ---------- */

/* A block as REST has it, which is not as a stream has it. */
static void
add_block(CsSimNetwork *network, const CsSimRequest *request,
		  uint64_t height, CsSimText *text)
{
	const char *expand = cs_sim_request_argument(request, "expand");
	const char *id = cs_sim_flow_block(network, height)->id_text;
	bool		sealed = height <= cs_sim_flow_sealed(network);
	bool		payload = expand != NULL && strstr(expand, "payload") != NULL;

	cs_sim_text_printf(text, "%s{\"header\":",
					   text->data[text->length - 1] == '[' ? "" : ",");
	cs_sim_flow_header(network, height, text);
	if (payload)
	{
		cs_sim_text_printf(text, ",\"payload\":");
		cs_sim_flow_payload(network, height, text);
	}
	cs_sim_text_printf(text, ",\"_expandable\":{");
	if (!payload)
		cs_sim_text_printf(text, "\"payload\":\"/v1/blocks/%s/payload\"%s", id,
						   sealed ? "," : "");
	if (sealed)
	{
		cs_sim_text_printf(text, "\"execution_result\":"
						   "\"/v1/execution_results/");
		cs_sim_flow_add_id(network, FLOW_RESULT, height, text);
		cs_sim_text_add(text, "\"", 1);
	}
	cs_sim_text_printf(text, "},\"_links\":{\"_self\":\"/v1/blocks/%s\"},"
					   "\"block_status\":\"BLOCK_%s\"}", id,
					   sealed ? "SEALED" : "FINALIZED");
}

/* Blocks by a list of heights, or by a range. */
static void
blocks(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	const char *list = cs_sim_request_argument(request, "height");
	CsSimText	text = {NULL, 0, 0};
	uint64_t	from = 0;
	uint64_t	to = 0;
	char	   *copy;
	char	   *rest = NULL;

	cs_sim_text_add(&text, "[", 1);
	if (list == NULL)
	{
		if (!parse_range(network, request, BLOCKS_MAX, &from, &to, response))
		{
			free(text.data);
			return;
		}
		for (; from <= to && has_block(network, from); from++)
			add_block(network, request, from, &text);
		if (from <= to)
			goto missing;
	}
	else
	{
		copy = cs_sim_copy(list);
		for (char *one = strtok_r(copy, ",", &rest); one != NULL;
			 one = strtok_r(NULL, ",", &rest))
		{
			if (!parse_height(network, one, &from) ||
				!has_block(network, from))
			{
				free(copy);
				goto missing;
			}
			add_block(network, request, from, &text);
		}
		free(copy);
	}
	cs_sim_text_add(&text, "]", 1);
	respond(response, 200, &text);
	return;

missing:
	free(text.data);
	respond_error(response, 404, "error looking up block at height %llu",
				  (unsigned long long) from);
}

/* Blocks by ids; or one's payload. */
static void
blocks_by_id(CsSimNetwork *network, const CsSimRequest *request,
			 const char *what, CsSimResponse *response)
{
	CsSimText	text = {NULL, 0, 0};
	char	   *copy = cs_sim_copy(what);
	bool		payload = strlen(copy) == FLOW_ID_TEXT + 8 &&
		strcmp(copy + FLOW_ID_TEXT, "/payload") == 0;
	char	   *rest = NULL;
	uint64_t	height;
	FlowId		id;

	if (payload)
		copy[FLOW_ID_TEXT] = '\0';
	else
		cs_sim_text_add(&text, "[", 1);
	for (char *one = strtok_r(copy, ",", &rest); one != NULL;
		 one = strtok_r(NULL, ",", &rest))
	{
		if (!cs_sim_flow_parse_id(one, id))
			respond_error(response, 400, "invalid ID format");
		else if (!cs_sim_flow_number(network, FLOW_BLOCK, id, &height) ||
				 !has_block(network, height))
			respond_error(response, 404, "error looking up block with ID %s",
						  one);
		else
		{
			if (payload)
				cs_sim_flow_payload(network, height, &text);
			else
				add_block(network, request, height, &text);
			continue;
		}
		free(text.data);
		free(copy);
		return;
	}
	if (!payload)
		cs_sim_text_add(&text, "]", 1);
	respond(response, 200, &text);
	free(copy);
}

/* ---------- events ---------- */

/* What a block has of one type. */
static void
add_events(CsSimNetwork *network, const char *type, uint64_t height,
		   CsSimText *text)
{
	const FlowBlock *block = cs_sim_flow_block(network, height);
	size_t		found = 0;

	cs_sim_text_printf(text, "%s{\"block_id\":\"%s\",\"block_height\":\"%llu\","
					   "\"block_timestamp\":\"%s\"",
					   text->data[text->length - 1] == '[' ? "" : ",",
					   block->id_text, (unsigned long long) height,
					   block->time.data);
	for (size_t i = 0; i < block->event_count; i++)
		if (strcmp(block->events[i].type, type) == 0)
			cs_sim_text_printf(text, "%s%s", found++ == 0 ? ",\"events\":[" :
							   ",", block->events[i].text);
	cs_sim_text_printf(text, "%s}", found > 0 ? "]" : "");
}

/* The range is silently cut at the sealed height. */
static void
events(CsSimNetwork *network, const CsSimRequest *request,
	   CsSimResponse *response)
{
	const char *type = cs_sim_request_argument(request, "type");
	uint64_t	sealed = cs_sim_flow_sealed(network);
	CsSimText	text = {NULL, 0, 0};
	uint64_t	from;
	uint64_t	to;

	if (type == NULL || *type == '\0')
	{
		respond_error(response, 400, "event type must be provided");
		return;
	}
	if (!parse_range(network, request, EVENTS_MAX, &from, &to, response))
		return;
	if (from > sealed)
	{
		respond_error(response, 400, "Out of range: start height %llu is "
					  "greater than the last sealed block height %llu",
					  (unsigned long long) from, (unsigned long long) sealed);
		return;
	}
	if (!has_block(network, from))
	{
		respond_error(response, 404, "Flow resource not found: not found: "
					  "block at height %llu", (unsigned long long) from);
		return;
	}
	cs_sim_text_add(&text, "[", 1);
	for (; from <= to && from <= sealed; from++)
		add_events(network, type, from, &text);
	cs_sim_text_add(&text, "]", 1);
	respond(response, 200, &text);
}

/* ---------- transactions and the rest ---------- */

static void
transaction_result(CsSimNetwork *network, const char *what,
				   CsSimResponse *response)
{
	CsSimText	text = {NULL, 0, 0};
	FlowId		id;

	if (!cs_sim_flow_parse_id(what, id))
		respond_error(response, 400, "invalid ID format");
	else if (cs_sim_flow_result(network, id, &text))
		respond(response, 200, &text);
	else
		respond_error(response, 404, "Flow resource not found: not found: "
					  "transaction result not found");
}

/* The results of a whole block. */
static void
block_results(CsSimNetwork *network, const CsSimRequest *request,
			  CsSimResponse *response)
{
	const char *by_height = cs_sim_request_argument(request, "block_height");
	const char *by_id = cs_sim_request_argument(request, "block_id");
	CsSimText	text = {NULL, 0, 0};
	uint64_t	height;
	FlowId		id;

	if (!(by_height != NULL && parse_height(network, by_height, &height)) &&
		!(by_id != NULL && cs_sim_flow_parse_id(by_id, id) &&
		  cs_sim_flow_number(network, FLOW_BLOCK, id, &height)))
	{
		respond_error(response, 400, "block ID or height must be provided");
		return;
	}
	if (!has_block(network, height))
	{
		respond_error(response, 404, "Flow resource not found: not found: "
					  "block not found");
		return;
	}
	cs_sim_text_add(&text, "[", 1);
	for (int i = 0; i < cs_sim_flow_transactions(network, height); i++)
	{
		FlowTransaction transaction;

		if (i > 0)
			cs_sim_text_add(&text, ",", 1);
		cs_sim_flow_transaction(network, height, i, &transaction);
		(void) cs_sim_flow_result(network, transaction.id, &text);
	}
	cs_sim_text_add(&text, "]", 1);
	respond(response, 200, &text);
}

static void
parameters(CsSimNetwork *network, CsSimResponse *response)
{
	CsSimText	text = {NULL, 0, 0};

	cs_sim_text_printf(&text, "{\"chain_id\":\"%s\"}",
					   cs_sim_flow_chain_id(network));
	respond(response, 200, &text);
}

static void
version_info(CsSimNetwork *network, CsSimResponse *response)
{
	unsigned long long root = cs_sim_setting(network, FLOW_ROOT_HEIGHT);
	CsSimText	text = {NULL, 0, 0};

	cs_sim_text_printf(&text, "{\"semver\":\"v0.51.0\",\"commit\":"
					   "\"dd885b28462c599ba3ed95017565e8a612741cb0\","
					   "\"spork_id\":\"");
	cs_sim_flow_add_id(network, FLOW_STATE, 2, &text);
	cs_sim_text_printf(&text, "\",\"protocol_version\":\"0\","
					   "\"protocol_state_version\":\"2\","
					   "\"spork_root_block_height\":\"%llu\","
					   "\"node_root_block_height\":\"%llu\","
					   "\"compatible_range\":{\"start_height\":\"%llu\","
					   "\"end_height\":\"18446744073709551615\"}}", root, root,
					   root);
	respond(response, 200, &text);
}

/* ---------- requests ---------- */

/* What follows *prefix* in the path, or NULL. */
static const char *
behind(const CsSimRequest *request, const char *prefix)
{
	size_t		length = strlen(prefix);

	return strncmp(request->path, prefix, length) == 0 ?
		request->path + length : NULL;
}

/* A request for the stream's path; upgrades mostly succeed. */
static void
respond_stream(CsSimNetwork *network, const CsSimRequest *request,
			   CsSimResponse *response)
{
	if (strcmp(request->method, "GET") != 0)
		cs_sim_respond_text(response, 405, "text/plain; charset=utf-8", "");
	else if (!request->upgrade)
		cs_sim_respond_text(response, 400, "text/plain; charset=utf-8",
							"Bad Request\n{\n\t\"code\": 400,\n\t\"message\": "
							"\"webSocket upgrade error: \"\n}");
	else if (cs_sim_switch(network, FLOW_OLD_STREAMS) &&
			 flow_state(network)->streams >=
			 cs_sim_setting(network, FLOW_STREAMS_MAX))
		respond_error(response, 429,
					  "maximum number of connections reached");
}

void
cs_sim_flow_refuse(CsSimNetwork *network, const CsSimRequest *request,
				   CsSimResponse *response)
{
	(void) network;
	(void) request;
	respond_error(response, response->status, "%s",
				  response->status == 503 ? "Failed to process request: "
				  "service unavailable" : response->status == 429 ?
				  "too many requests" : "internal server error");
}

void
cs_sim_flow_respond(CsSimNetwork *network, const CsSimRequest *request,
					CsSimResponse *response)
{
	const char *what;

	if (strcmp(request->path, STREAM_PATH) == 0)
		respond_stream(network, request, response);
	else if (strcmp(request->path, "/v1/network/parameters") == 0)
		parameters(network, response);
	else if (strcmp(request->path, "/v1/node_version_info") == 0)
		version_info(network, response);
	else if (strcmp(request->path, "/v1/blocks") == 0)
		blocks(network, request, response);
	else if ((what = behind(request, "/v1/blocks/")) != NULL)
		blocks_by_id(network, request, what, response);
	else if (strcmp(request->path, "/v1/events") == 0)
		events(network, request, response);
	else if (strcmp(request->path, "/v1/transaction_results") == 0)
		block_results(network, request, response);
	else if ((what = behind(request, "/v1/transaction_results/")) != NULL)
		transaction_result(network, what, response);
	else
		cs_sim_respond_text(response, 404, "text/plain; charset=utf-8",
							"404 page not found\n");
}
