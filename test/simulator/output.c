/*-------------------------------------------------------------------------
 *
 * output.c
 *	  What is to be written to a client: framing and queue.
 *
 * Frames are made here rather than by libwebsockets, for two reasons: real
 * servers cut messages in their own ways, which a client must survive, and
 * many messages go out with one system call.  They are handed over as raw
 * bytes, so libwebsockets still keeps what the socket does not take, and
 * slips its pongs and close frames in between our writes.  Hence the
 * invariant: one chunk may end inside a frame only if the rest of the frame
 * is written before the callback returns.  libwebsockets sends nothing of
 * its own until then.
 *
 * What goes to a stream is a chunk of HTTP for each event, as servers that
 * flush after each do it.
 *
 * The queue has no limit in bytes, as that of a real node has none; some
 * servers lose notifications beyond a number, see queue_limit of dialect.h.
 * Traffic at rate "max" does not outrun it, see traffic.c.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <stdlib.h>
#include <string.h>

/* Payload of a chunk: what is written at once. */
#define CHUNK_SIZE		65536

/* Chunks kept for reuse. */
#define SPARES_MAX		64

/* Of the longest frame header. */
#define HEADER_MAX		10

/* First byte of a frame. */
#define FRAME_CONTINUATION	0x00
#define FRAME_TEXT			0x01
#define FRAME_BINARY		0x02
#define FRAME_PING			0x09
#define FRAME_FINAL			0x80

/* Write so many chunks before others have their turn. */
#define CHUNKS_AT_ONCE	16

struct CsSimChunk
{
	CsSimChunk *next;
	size_t		used;
	bool		whole;			/* ends where a frame ends */
	bool		reply;			/* has overtaken the notifications */
	uint32_t	topics[CS_SIM_TOPICS_MAX];	/* notifications that end in it */
	uint32_t	notifications;
	CsSimText	journal;		/* lines to write once it is sent */
	char		last_hash[80];
	unsigned char data[LWS_PRE + CHUNK_SIZE];
};

static CsSimChunk *spares;
static int	spare_count;

static CsSimChunk *
chunk_create(void)
{
	CsSimChunk *chunk = spares;

	if (chunk == NULL)
		chunk = cs_sim_resize(NULL, sizeof(*chunk));
	else
	{
		spares = chunk->next;
		spare_count--;
	}
	memset(chunk, 0, offsetof(CsSimChunk, data));
	return chunk;
}

static void
chunk_free(CsSimChunk *chunk)
{
	free(chunk->journal.data);
	if (spare_count >= SPARES_MAX)
		free(chunk);
	else
	{
		chunk->next = spares;
		spares = chunk;
		spare_count++;
	}
}

void
cs_sim_output_end(void)
{
	while (spares != NULL)
	{
		CsSimChunk *chunk = spares;

		spares = chunk->next;
		free(chunk);
	}
	spare_count = 0;
}

/* Append to the queue, across as many chunks as it takes. */
static void
append(CsSimClient *client, const void *data, size_t length)
{
	const char *rest = data;

	client->queued += length;
	while (length > 0)
	{
		CsSimChunk *chunk = client->last;
		size_t		room = chunk == NULL ? 0 : CHUNK_SIZE - chunk->used;

		if (room == 0)
		{
			chunk = chunk_create();
			if (client->last != NULL)
				client->last->next = chunk;
			else
				client->first = chunk;
			client->last = chunk;
			room = CHUNK_SIZE;
		}
		if (room > length)
			room = length;
		memcpy(chunk->data + LWS_PRE + chunk->used, rest, room);
		chunk->used += room;
		chunk->whole = false;
		rest += room;
		length -= room;
	}
}

/* The queue ends at the end of a frame. */
static void
frame_ended(CsSimClient *client)
{
	if (client->last != NULL)
		client->last->whole = true;
}

void
cs_sim_send_frame(CsSimClient *client, unsigned char first, const char *data,
				  size_t length)
{
	unsigned char header[HEADER_MAX];
	size_t		size;

	if (client->dead)
		return;
	header[0] = first;
	if (length < 126)
	{
		header[1] = (unsigned char) length;
		size = 2;
	}
	else
	{
		size_t		bytes = length < 65536 ? 2 : 8;

		header[1] = bytes == 2 ? 126 : 127;
		for (size_t i = 0; i < bytes; i++)
			header[2 + i] =
				(unsigned char) ((uint64_t) length >> 8 * (bytes - 1 - i));
		size = 2 + bytes;
	}
	append(client, header, size);
	append(client, data, length);
	frame_ended(client);
	lws_callback_on_writable(client->wsi);
}

void
cs_sim_send_bytes(CsSimClient *client, const void *data, size_t length)
{
	if (client->dead)
		return;
	append(client, data, length);
	frame_ended(client);
	lws_callback_on_writable(client->wsi);
}

void
cs_sim_send_ping(CsSimClient *client, const char *data, size_t length)
{
	if (!client->network->faults.mute)
		cs_sim_send_frame(client, FRAME_PING | FRAME_FINAL, data, length);
}

void
cs_sim_send_stream(CsSimClient *client, const char *data, size_t length)
{
	char		size[32];

	if (client->dead)
		return;
	append(client, size, (size_t) snprintf(size, sizeof(size), "%zx\r\n",
										   length));
	append(client, data, length);
	cs_sim_send_bytes(client, "\r\n", 2);
}

void
cs_sim_send_heartbeat(CsSimClient *client, const char *data)
{
	if (!client->network->faults.mute)
		cs_sim_send_stream(client, data, strlen(data));
}

/* Queue a message as an event of a stream. */
static void
send_event(CsSimClient *client, const CsSimMessage *message)
{
	CsSimText	text = {NULL, 0, 0};

	if (client->network->dialect->event != NULL)
		client->network->dialect->event(client, message, &text);
	else
	{
		cs_sim_text_add(&text, "data: ", 6);
		cs_sim_text_add(&text, message->data, message->length);
		cs_sim_text_add(&text, "\n\n", 2);
	}
	cs_sim_send_stream(client, text.data, text.length);
	free(text.data);
}

/* Queue a message as the client's protocol and the dialect want it. */
static void
send_message(CsSimClient *client, const CsSimMessage *message)
{
	const CsSimDialect *dialect = client->network->dialect;
	const char *data = message->data;
	size_t		length = message->length;
	size_t		most = dialect->fragment_size;
	unsigned char opcode = FRAME_TEXT;

	if (client->sse)
	{
		send_event(client, message);
		return;
	}
	if (dialect->frame != NULL && dialect->frame(client, message))
		return;
	if (dialect->binary != NULL && dialect->binary(client->network))
		opcode = FRAME_BINARY;
	while (most > 0 && length > most)
	{
		cs_sim_send_frame(client, opcode, data, most);
		opcode = FRAME_CONTINUATION;
		data += most;
		length -= most;
	}
	cs_sim_send_frame(client, opcode | FRAME_FINAL, data, length);
}

/*
 * Queue a reply before everything that waits, but behind replies that did so.
 * Chunks begin where frames do: what was begun has been written whole.
 */
static void
send_reply_first(CsSimClient *client, const CsSimMessage *message)
{
	CsSimChunk *first = client->first;
	CsSimChunk *last = client->last;
	CsSimChunk **at = &first;

	if (client->waiting == 0)	/* else this could overtake a stream's head */
	{
		send_message(client, message);
		return;
	}
	client->first = NULL;
	client->last = NULL;
	send_message(client, message);
	for (CsSimChunk *chunk = client->first; chunk; chunk = chunk->next)
		chunk->reply = true;
	while (*at != NULL && (*at)->reply)
		at = &(*at)->next;
	client->last->next = *at;
	if (*at != NULL)
		client->last = last;
	*at = client->first;
	client->first = first;
}

/* Queue a notification, and note what it was. */
static void
send_notification(CsSimClient *client, const CsSimMessage *message)
{
	CsSimChunk *chunk;

	send_message(client, message);
	chunk = client->last;
	client->waiting++;
	chunk->notifications++;
	chunk->topics[message->topic]++;
	if (message->hash == NULL)
		return;
	snprintf(chunk->last_hash, sizeof(chunk->last_hash), "%s", message->hash);
	if (client->network->sim->journal != NULL)
		cs_sim_text_printf(&chunk->journal, "%s %llu %s\n", message->hash,
						   (unsigned long long) client->id,
						   client->network->dialect->topics[message->topic]);
}

/* Keep a notification back until the next one has gone out. */
static void
hold(CsSimClient *client, const CsSimMessage *message)
{
	client->held = cs_sim_resize(client->held, message->length + 1);
	memcpy(client->held, message->data, message->length);
	client->held_length = message->length;
	client->held_topic = message->topic;
	snprintf(client->held_hash, sizeof(client->held_hash), "%s",
			 message->hash != NULL ? message->hash : "");
}

void
cs_sim_output_release(CsSimClient *client)
{
	CsSimMessage message = {
		.data = client->held,
		.length = client->held_length,
		.topic = client->held_topic,
		.hash = client->held_hash[0] != '\0' ? client->held_hash : NULL,
	};

	if (client->held == NULL)
		return;
	if (!client->dead)
		send_notification(client, &message);
	free(client->held);
	client->held = NULL;
}

void
cs_sim_send(CsSimClient *client, const CsSimMessage *message)
{
	CsSimNetwork *network = client->network;
	const CsSimFaults *faults = &network->faults;
	size_t		limit = 0;

	if (client->dead || client->close != CS_SIM_STAY)
		return;
	if (message->topic == CS_SIM_REPLY && network->dialect->replies_first)
	{
		send_reply_first(client, message);
		return;
	}
	if (message->topic < 0)
	{
		send_message(client, message);
		return;
	}
	if (network->dialect->queue_limit != NULL)
		limit = network->dialect->queue_limit(client);
	if (limit > 0 && client->waiting >= limit)
	{
		network->stats.dropped++;
		return;
	}
	if (faults->reorder && client->held == NULL)
	{
		hold(client, message);
		return;
	}
	send_notification(client, message);
	if (faults->duplicate)
		send_notification(client, message);
	cs_sim_output_release(client);
}

/* A chunk was handed over: what was in it counts as sent. */
static void
note_sent(CsSimClient *client, const CsSimChunk *chunk)
{
	CsSimStats *stats = &client->network->stats;

	stats->bytes += chunk->used;
	stats->sent += chunk->notifications;
	client->waiting -= chunk->notifications;
	for (int i = 0; i < CS_SIM_TOPICS_MAX; i++)
		stats->sent_by_topic[i] += chunk->topics[i];
	if (chunk->last_hash[0] != '\0')
		memcpy(stats->last_hash, chunk->last_hash, sizeof(stats->last_hash));
	if (chunk->journal.length > 0 && client->network->sim->journal != NULL)
	{
		fwrite(chunk->journal.data, 1, chunk->journal.length,
			   client->network->sim->journal);
		fflush(client->network->sim->journal);
	}
}

bool
cs_sim_output_write(CsSimClient *client)
{
	bool		whole = true;

	if (client->stalled || client->dead)
		return true;
	for (int written = 0; client->first != NULL; written++)
	{
		CsSimChunk *chunk = client->first;

		/* The first is known to fit: we are called because of that. */
		if (whole && written > 0 &&
			(written >= CHUNKS_AT_ONCE || lws_send_pipe_choked(client->wsi)))
			break;
		if (lws_write(client->wsi, chunk->data + LWS_PRE, chunk->used,
					  client->sse ? LWS_WRITE_HTTP : LWS_WRITE_RAW) < 0)
			return false;
		note_sent(client, chunk);
		whole = chunk->whole;
		client->queued -= chunk->used;
		client->first = chunk->next;
		if (client->first == NULL)
			client->last = NULL;
		chunk_free(chunk);
	}
	if (client->first != NULL)
		lws_callback_on_writable(client->wsi);
	return true;
}

void
cs_sim_output_clear(CsSimClient *client)
{
	while (client->first != NULL)
	{
		CsSimChunk *chunk = client->first;

		client->first = chunk->next;
		chunk_free(chunk);
	}
	client->last = NULL;
	client->queued = 0;
	client->waiting = 0;
	free(client->held);
	client->held = NULL;
}
