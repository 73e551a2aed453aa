/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  The identity of a record.
 *
 * Two records with the same identity are taken for one, so a peer that could
 * make a collision could make us drop a payment.  A fast hash is therefore
 * out of the question, and so is a keyed one whose key would have to outlive
 * the process.  BLAKE2b with 16 bytes of output is neither: a collision
 * takes 2^64 attempts.  The pieces of an ordinary record fit into one or two
 * of its 128-byte blocks, which is a small part of parsing the message.
 *
 * Each piece is preceded by its length: one byte, or 255 and four bytes; 254
 * says that the piece is absent.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/identity.h"

#include <string.h>

#include "codec/blake2b.h"

#define ABSENT		254
#define LONG		255

/* Enough for most records; longer ones are digested piece by piece. */
#define INLINE_MAX	512

static size_t
write_length(const CsText *piece, uint8_t header[5])
{
	if (piece->data == NULL)
	{
		header[0] = ABSENT;
		return 1;
	}
	if (piece->length < ABSENT)
	{
		header[0] = (uint8_t) piece->length;
		return 1;
	}
	header[0] = LONG;
	for (int i = 0; i < 4; i++)
		header[1 + i] = (uint8_t) (piece->length >> (8 * i));
	return 5;
}

static void
digest_long(uint8_t digest[16], const CsText *pieces, size_t count)
{
	blake2b_state state;

	(void) blake2b_init(&state, 16);
	for (size_t i = 0; i < count; i++)
	{
		uint8_t		header[5];
		size_t		size = write_length(&pieces[i], header);

		(void) blake2b_update(&state, header, size);
		if (pieces[i].data != NULL)
			(void) blake2b_update(&state, (const uint8_t *) pieces[i].data,
								  pieces[i].length);
	}
	(void) blake2b_final(&state, digest, 16);
}

/* Digest pieces into an identity. */
void
cs_identity(uint64_t identity[2], const CsText *pieces, size_t count)
{
	uint8_t		buffer[INLINE_MAX];
	uint8_t		digest[16];
	size_t		total = 0;

	for (size_t i = 0; i < count; i++)
		total += 5 + (pieces[i].data ? pieces[i].length : 0);
	if (total > INLINE_MAX)
		digest_long(digest, pieces, count);
	else
	{
		size_t		used = 0;

		for (size_t i = 0; i < count; i++)
		{
			used += write_length(&pieces[i], buffer + used);
			if (pieces[i].data != NULL)
			{
				memcpy(buffer + used, pieces[i].data, pieces[i].length);
				used += pieces[i].length;
			}
		}
		cs_blake2b(digest, 16, buffer, used);
	}
	memcpy(identity, digest, 16);
}

CsText
cs_piece(const char *string)
{
	return (CsText) {string, string ? strlen(string) : 0};
}

CsText
cs_piece_bytes(const void *bytes, size_t length)
{
	return (CsText) {bytes, length};
}
