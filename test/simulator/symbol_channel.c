/*-------------------------------------------------------------------------
 *
 * symbol_channel.c
 *	  Who is subscribed to which Symbol channel, and sending to them.
 *
 * As in the gateway, a channel is the exact text of a subscription; several
 * texts can mean the same.  The table finds channels by what they mean: the
 * kind, and the address if there is one.  The node publishes one copy for
 * each address a transaction touches, and a subscription without address
 * gets every one of them.
 *
 *-------------------------------------------------------------------------
 */
#include "symbol.h"

#include <stdlib.h>
#include <string.h>

/* The bucket of channels that mean this; *address* NULL: none. */
static SymbolChannel **
bucket_of(SymbolState *state, SymbolKind kind, const uint8_t *address)
{
	uint64_t	hash = 0;

	if (address != NULL)
		memcpy(&hash, address + 1, sizeof(hash));
	return &state->buckets[cs_sim_mix(hash + (uint64_t) kind) %
						   SYMBOL_BUCKETS];
}

static SymbolChannel **
bucket_of_channel(SymbolState *state, const SymbolChannel *channel)
{
	return bucket_of(state, channel->kind,
					 channel->has_address ? channel->address : NULL);
}

static bool
means(const SymbolChannel *channel, SymbolKind kind, const uint8_t *address)
{
	return channel->kind == kind &&
		channel->has_address == (address != NULL) &&
		(address == NULL ||
		 memcmp(channel->address, address, SYMBOL_ADDRESS_LENGTH) == 0);
}

/* Where in the channel's list the client is, or the length of the list. */
static size_t
position(const SymbolChannel *channel, const CsSimClient *client)
{
	size_t		at = 0;

	while (at < channel->count && channel->clients[at] != client)
		at++;
	return at;
}

bool
cs_sim_symbol_subscribe(CsSimClient *client, const SymbolChannel *wanted)
{
	SymbolState *state = symbol_state(client->network);
	SymbolChannel **at = bucket_of_channel(state, wanted);
	SymbolChannel *channel;

	while (*at != NULL && strcmp((*at)->topic, wanted->topic) != 0)
		at = &(*at)->next;
	if (*at == NULL)
	{
		if (state->channels >=
			client->network->settings[SYMBOL_CHANNELS_MAX])
			return false;
		*at = cs_sim_alloc(sizeof(**at));
		**at = *wanted;
		(*at)->topic = cs_sim_copy(wanted->topic);
		(*at)->next = NULL;
		state->channels++;
	}
	channel = *at;
	if (position(channel, client) < channel->count)
		return true;
	if (channel->count >= channel->room)
	{
		channel->room = 2 * channel->room + 4;
		channel->clients = cs_sim_resize(channel->clients, channel->room *
										 sizeof(*channel->clients));
	}
	channel->clients[channel->count++] = client;
	((SymbolClient *) client->state)->subscriptions++;
	return true;
}

/* Take a client out of the channel at *at*, which goes with its last one. */
static void
leave(CsSimClient *client, SymbolChannel **at)
{
	SymbolChannel *channel = *at;
	size_t		where = position(channel, client);

	if (where >= channel->count)
		return;
	channel->count--;
	memmove(channel->clients + where, channel->clients + where + 1,
			(channel->count - where) * sizeof(*channel->clients));
	((SymbolClient *) client->state)->subscriptions--;
	if (channel->count > 0)
		return;
	*at = channel->next;
	symbol_state(client->network)->channels--;
	free(channel->clients);
	free(channel->topic);
	free(channel);
}

/* Leave the channel of this topic; NULL: all. */
static void
leave_topic(CsSimClient *client, const char *topic)
{
	SymbolState *state = symbol_state(client->network);

	for (size_t i = 0; i < SYMBOL_BUCKETS; i++)
	{
		SymbolChannel **at = &state->buckets[i];

		while (*at != NULL)
		{
			SymbolChannel *before = *at;

			if (topic == NULL || strcmp(before->topic, topic) == 0)
				leave(client, at);
			if (*at == before)
				at = &before->next;
		}
	}
}

void
cs_sim_symbol_unsubscribe(CsSimClient *client, const char *topic)
{
	leave_topic(client, topic);
}

void
cs_sim_symbol_unsubscribe_all(CsSimClient *client)
{
	if (((SymbolClient *) client->state)->subscriptions > 0)
		leave_topic(client, NULL);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(json_object *const *) a),
				  json_object_get_string(*(json_object *const *) b));
}

json_object *
cs_sim_symbol_channels(const CsSimClient *client)
{
	const SymbolState *state = symbol_state(client->network);
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < SYMBOL_BUCKETS; i++)
		for (const SymbolChannel *channel = state->buckets[i]; channel;
			 channel = channel->next)
			if (position(channel, client) < channel->count)
				json_object_array_add(list,
									  json_object_new_string(channel->topic));
	json_object_array_sort(list, compare_texts);
	return list;
}

size_t
cs_sim_symbol_channel_failed(CsSimNetwork *network, SymbolKind kind)
{
	size_t		closed = 0;

	for (size_t i = 0; i < SYMBOL_BUCKETS; i++)
		for (const SymbolChannel *channel = symbol_state(network)->buckets[i];
			 channel; channel = channel->next)
			for (size_t c = 0; channel->kind == kind && c < channel->count;
				 c++)
			{
				closed += channel->clients[c]->close == CS_SIM_STAY;
				cs_sim_client_close(channel->clients[c], 0, "");
			}
	return closed;
}

/* Send one copy to the subscribers of the channels that mean this. */
static size_t
send_copy(CsSimNetwork *network, const SymbolNotice *notice,
		  const uint8_t *address)
{
	CsSimText	text = {NULL, 0, 0};
	CsSimMessage message = {.topic = (int) notice->kind,.hash = notice->hash};
	size_t		sent = 0;

	for (const SymbolChannel *channel =
		 *bucket_of(symbol_state(network), notice->kind, address); channel;
		 channel = channel->next)
	{
		if (!means(channel, notice->kind, address))
			continue;
		text.length = 0;
		cs_sim_text_add(&text, "{\"topic\":\"", 10);
		cs_sim_text_add(&text, channel->topic, strlen(channel->topic));
		cs_sim_text_add(&text, "\",\"data\":", 9);
		cs_sim_text_add(&text, notice->data, notice->length);
		cs_sim_text_add(&text, "}", 1);
		message.data = text.data;
		message.length = text.length;
		for (size_t i = 0; i < channel->count; i++, sent++)
			cs_sim_send(channel->clients[i], &message);
	}
	free(text.data);
	return sent;
}

size_t
cs_sim_symbol_notify(CsSimNetwork *network, const SymbolNotice *notice)
{
	size_t		sent = 0;

	if (notice->address_count == 0)
		return send_copy(network, notice, NULL);
	for (size_t i = 0; i < notice->address_count; i++)
	{
		sent += send_copy(network, notice, notice->addresses[i]);
		sent += send_copy(network, notice, NULL);
	}
	return sent;
}
