/*-------------------------------------------------------------------------
 *
 * partial.c
 *	  A message that comes in pieces.
 *
 * The pieces are gathered in memory of the connection, which is kept for the
 * next message, or handed over when the message is a large one.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "wire/internal.h"

/*
 * Add a piece to the message under way.  Returns false if memory is short.
 */
bool
cs_partial_append(CsConnection *connection, const char *data, size_t length)
{
	size_t		needed = connection->partial_length + length + 1;

	if (needed > connection->partial_size)
	{
		size_t		size = connection->partial_size * 2;
		size_t		most = connection->wire->message_limit + 1;
		char	   *larger;

		size = size < CS_READ_SIZE ? CS_READ_SIZE : size;
		size = size > most ? most : size;
		size = size < needed ? needed : size;
		larger = realloc(connection->partial, size);
		if (larger == NULL)
			return false;
		connection->partial = larger;
		connection->partial_size = size;
	}
	if (length > 0)
		memcpy(connection->partial + connection->partial_length, data, length);
	connection->partial_length += length;
	return true;
}

/*
 * The message under way is whole: into the inbox with it.  Returns false if
 * memory is short.
 */
bool
cs_partial_deliver(CsConnection *connection)
{
	CsWire	   *wire = connection->wire;
	size_t		length = connection->partial_length;

	connection->assembling = false;
	connection->partial_length = 0;
	if (length <= CS_SMALL_MESSAGE)
		return cs_inbox_add(&wire->inbox, connection, connection->partial,
							length, connection->binary, wire->received_at);
	if (!cs_inbox_adopt(&wire->inbox, connection, connection->partial, length,
						connection->binary, wire->received_at))
		return false;
	connection->partial = NULL;
	connection->partial_size = 0;
	return true;
}
