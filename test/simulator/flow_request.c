/*-------------------------------------------------------------------------
 *
 * flow_request.c
 *	  Requests of a Flow client, and their answers.
 *
 * The order of the checks and the texts of the errors are the server's.  An
 * error never closes the connection.
 *
 *-------------------------------------------------------------------------
 */
#include "flow.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_scan.h"

/* ---------- answers ---------- */

void
cs_sim_flow_error(CsSimClient *client, const char *id, int code,
				  const char *action, const char *format,...)
{
	CsSimText	text = {NULL, 0, 0};
	char	   *message;
	va_list		arguments;
	int			length;

	va_start(arguments, format);
	length = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (length < 0)
		cs_sim_fatal("out of memory");
	cs_sim_text_printf(&text, "{\"subscription_id\":");
	cs_sim_flow_quote(&text, id, strlen(id));
	cs_sim_text_printf(&text, ",\"error\":{\"code\":%d,\"message\":", code);
	cs_sim_flow_quote(&text, message, (size_t) length);
	cs_sim_text_printf(&text, "},\"action\":\"%s\"}", action);
	cs_sim_flow_send(client, &text, CS_SIM_REPLY, NULL);
	free(text.data);
	free(message);
}

/* It is done. */
static void
fine(CsSimClient *client, const char *id, const char *action)
{
	CsSimText	text = {NULL, 0, 0};

	cs_sim_text_printf(&text, "{\"subscription_id\":");
	cs_sim_flow_quote(&text, id, strlen(id));
	cs_sim_text_printf(&text, ",\"action\":\"%s\"}", action);
	cs_sim_flow_send(client, &text, CS_SIM_REPLY, NULL);
	free(text.data);
}

/* ---------- the subscription's id ---------- */

/* The active subscription of this id, or NULL. */
static FlowSubscription *
find_subscription(CsSimClient *client, const char *id)
{
	FlowSubscription *found = ((FlowClient *) client->state)->subscriptions;

	while (found != NULL && (found->leaving || strcmp(found->id, id) != 0))
		found = found->next;
	return found;
}

/* Twenty characters of URL-safe base64. */
static void
make_id(CsSimNetwork *network, char id[FLOW_SUBSCRIPTION_ID_MAX + 1])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (int i = 0; i < FLOW_SUBSCRIPTION_ID_MAX; i++)
		id[i] = alphabet[cs_sim_chance_below(&flow_state(network)->chance,
											 64)];
	id[FLOW_SUBSCRIPTION_ID_MAX] = '\0';
}

static bool
too_long(CsSimClient *client, const char *id, const char *action)
{
	if (strlen(id) <= FLOW_SUBSCRIPTION_ID_MAX)
		return false;
	cs_sim_flow_error(client, id, 400, action, "error parsing subscription "
					  "id: subscription ID provided by the client must not "
					  "exceed %d characters", FLOW_SUBSCRIPTION_ID_MAX);
	return true;
}

/* May there be one more subscription of this id? */
static bool
may_subscribe(CsSimClient *client, const char *id)
{
	CsSimNetwork *network = client->network;
	const FlowClient *state = client->state;

	if (state->count >= cs_sim_setting(network, FLOW_SUBSCRIPTIONS_MAX))
		cs_sim_flow_error(client, id, 429, "subscribe", "error creating new "
						  "subscription: maximum number of subscriptions "
						  "reached");
	else if (flow_state(network)->streams >=
			 cs_sim_setting(network, FLOW_STREAMS_MAX))
		cs_sim_flow_error(client, id, 429, "subscribe", "error creating new "
						  "subscription: maximum number of streams reached");
	else if (too_long(client, id, "subscribe"))
		return false;
	else if (*id != '\0' && find_subscription(client, id) != NULL)
		cs_sim_flow_error(client, id, 400, "subscribe", "error parsing "
						  "subscription id: subscription ID is already in "
						  "use: %s", id);
	else
		return true;
	return false;
}

/* ---------- actions ---------- */

/* The topic of this name, or FLOW_TOPICS with an error. */
static FlowTopic
topic_of(CsSimClient *client, const char *id, const char *name)
{
	int			topic = 0;

	while (topic < FLOW_TOPICS && strcmp(cs_sim_flow_topics[topic], name) != 0)
		topic++;
	if (topic == FLOW_TOPICS)
		cs_sim_flow_error(client, id, 400, "subscribe", "error creating data "
						  "provider: unsupported topic \"%s\"", name);
	else if ((topic == FLOW_EVENTS || topic == FLOW_ACCOUNT_STATUSES) &&
			 cs_sim_switch(client->network, FLOW_NO_EVENTS))
	{
		cs_sim_flow_error(client, id, 400, "subscribe", "error creating data "
						  "provider: this access node does not support "
						  "streaming %s", topic == FLOW_EVENTS ? "events" :
						  "account statuses");
		topic = FLOW_TOPICS;
	}
	return (FlowTopic) topic;
}

/* Put a subscription into the client's list, and begin it. */
static void
enter(CsSimClient *client, FlowSubscription *subscription,
	  const FlowStart *start)
{
	FlowClient *state = client->state;
	FlowSubscription **end = &state->subscriptions;
	CsSimText	error = {NULL, 0, 0};

	fine(client, subscription->id, "subscribe");
	while (*end != NULL)
		end = &(*end)->next;
	*end = subscription;
	state->count++;
	flow_state(client->network)->streams++;
	if (cs_sim_flow_begin(client->network, subscription, start, &error))
	{
		(void) cs_sim_flow_pump(client);
		cs_sim_traffic_subscribed(client->network);
	}
	else
	{
		cs_sim_flow_error(client, subscription->id, 500, "subscribe",
						  "internal error: subscription finished with error: "
						  "%s", error.data);
		cs_sim_flow_remove(client, subscription);
	}
	free(error.data);
}

static void
subscribe(CsSimClient *client, const char *id, const char *name,
		  json_object *arguments)
{
	FlowSubscription *subscription;
	FlowTopic	topic;
	FlowStart	start;
	CsSimText	error = {NULL, 0, 0};

	if (!may_subscribe(client, id))
		return;
	topic = topic_of(client, id, name);
	if (topic == FLOW_TOPICS)
		return;
	subscription = cs_sim_alloc(sizeof(*subscription));
	if (*id == '\0')
		make_id(client->network, subscription->id);
	else
		snprintf(subscription->id, sizeof(subscription->id), "%s", id);
	subscription->topic = topic;
	subscription->arguments = json_object_get(arguments);
	if (cs_sim_flow_arguments(client->network, subscription, &start, &error))
		enter(client, subscription, &start);
	else
	{
		cs_sim_flow_error(client, subscription->id, 400, "subscribe",
						  "error creating data provider: %s", error.data);
		cs_sim_flow_subscription_free(subscription);
	}
	free(error.data);
}

static void
unsubscribe(CsSimClient *client, const char *id)
{
	FlowSubscription *subscription = find_subscription(client, id);
	uint64_t	tail = cs_sim_setting(client->network, FLOW_TAIL);

	if (*id == '\0')
		cs_sim_flow_error(client, id, 400, "unsubscribe", "error parsing "
						  "subscription id: subscription ID provided by the "
						  "client must not be empty");
	else if (too_long(client, id, "unsubscribe"))
		return;
	else if (subscription == NULL)
		cs_sim_flow_error(client, id, 404, "unsubscribe",
						  "subscription not found");
	else
	{
		fine(client, id, "unsubscribe");
		if (tail == 0)
		{
			cs_sim_flow_remove(client, subscription);
			return;
		}
		/* What is in the server's queue still comes. */
		subscription->leaving = true;
		subscription->tail = tail;
		((FlowClient *) client->state)->count--;
		flow_state(client->network)->streams--;
	}
}

static void
list_subscriptions(CsSimClient *client)
{
	const FlowClient *state = client->state;
	CsSimText	text = {NULL, 0, 0};
	bool		first = true;

	cs_sim_text_printf(&text, "{\"subscriptions\":%s",
					   state->count == 0 ? "null" : "[");
	for (const FlowSubscription *subscription = state->subscriptions;
		 subscription; subscription = subscription->next)
	{
		if (subscription->leaving)
			continue;
		cs_sim_text_printf(&text, "%s{\"subscription_id\":", first ? "" : ",");
		first = false;
		cs_sim_flow_quote(&text, subscription->id, strlen(subscription->id));
		cs_sim_text_printf(&text, ",\"topic\":\"%s\",\"arguments\":",
						   cs_sim_flow_topics[subscription->topic]);
		cs_sim_flow_json(&text, subscription->arguments, true);
		cs_sim_text_add(&text, "}", 1);
	}
	cs_sim_text_printf(&text, "%s,\"action\":\"list_subscriptions\"}",
					   state->count == 0 ? "" : "]");
	cs_sim_flow_send(client, &text, CS_SIM_REPLY, NULL);
	free(text.data);
}

/* ---------- requests ---------- */

/* The kind of a value in Go's errors. */
static const char *
go_kind(json_object *value)
{
	switch (json_object_get_type(value))
	{
		case json_type_string:
			return "string";
		case json_type_boolean:
			return "bool";
		case json_type_object:
			return "object";
		case json_type_array:
			return "array";
		default:
			return "number";
	}
}

/* A member whatever the case of its key; null counts as absent. */
static json_object *
member(json_object *object, const char *name)
{
	json_object *found = NULL;

	json_object_object_foreach(object, key, value)
		if (strcasecmp(key, name) == 0)
			found = value;
	return found;
}

/* The text of a member, "" without one; NULL, and an error: no text. */
static const char *
text_of(CsSimClient *client, json_object *request, const char *stage,
		const char *structure, const char *name)
{
	json_object *value = member(request, name);

	if (value == NULL)
		return "";
	if (json_object_is_type(value, json_type_string))
		return json_object_get_string(value);
	cs_sim_flow_error(client, "", 400, "", "error parsing message: error "
					  "unmarshalling %s message: json: cannot unmarshal %s "
					  "into Go struct field %s.%s of type string", stage,
					  go_kind(value), structure, name);
	return NULL;
}

/* The rest of a request to subscribe. */
static void
handle_subscribe(CsSimClient *client, json_object *request, const char *id)
{
	const char *topic = text_of(client, request, "subscribe",
								"SubscribeMessageRequest", "topic");
	json_object *arguments = member(request, "arguments");

	if (topic == NULL)
		return;
	if (arguments == NULL || json_object_is_type(arguments, json_type_object))
		subscribe(client, id, topic, arguments);
	else
		cs_sim_flow_error(client, "", 400, "", "error parsing message: error "
						  "unmarshalling subscribe message: json: cannot "
						  "unmarshal %s into Go struct field "
						  "SubscribeMessageRequest.arguments of type "
						  "models.Arguments", go_kind(arguments));
}

static void
handle(CsSimClient *client, json_object *request)
{
	const char *id;
	const char *action;

	if (request != NULL && !json_object_is_type(request, json_type_object))
	{
		cs_sim_flow_error(client, "", 400, "", "error parsing message: error "
						  "unmarshalling base message: json: cannot unmarshal "
						  "%s into Go value of type "
						  "models.BaseMessageRequest", go_kind(request));
		return;
	}
	id = request == NULL ? "" :
		text_of(client, request, "base", "BaseMessageRequest",
				"subscription_id");
	if (id == NULL)
		return;
	action = request == NULL ? "" :
		text_of(client, request, "base", "BaseMessageRequest", "action");
	if (action == NULL)
		return;
	if (strcmp(action, "subscribe") == 0)
		handle_subscribe(client, request, id);
	else if (strcmp(action, "unsubscribe") == 0)
		unsubscribe(client, id);
	else if (strcmp(action, "list_subscriptions") == 0)
		list_subscriptions(client);
	else
		cs_sim_flow_error(client, "", 400, "",
						  "error parsing message: unknown action type: %s",
						  action);
}

void
cs_sim_flow_request(CsSimClient *client, const char *data, size_t length)
{
	CsSimText	error = {NULL, 0, 0};
	json_object *request;
	CsSimScan	scan;

	if (!cs_sim_json_scan(&scan, data, length))
	{
		cs_sim_json_go(&scan, &error);
		cs_sim_flow_error(client, "", 400, "", "error reading message: %s",
						  error.data);
		free(error.data);
		return;
	}
	/* What follows the first value is not looked at. */
	request = cs_sim_json_read(&scan);
	handle(client, request);
	json_object_put(request);
}
