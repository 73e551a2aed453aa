/*-------------------------------------------------------------------------
 *
 * nano_block.c
 *	  The hash of a Nano block.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/nano_block.h"

#include <string.h>

#include "codec/blake2b.h"

/* What the hash of a state block begins with, so that it is no other's. */
static const uint8_t state_preamble[32] = {[31] = 6};

/* Room for the longest: a state block. */
typedef struct Message
{
	uint8_t		data[32 * 5 + 16];
	size_t		length;
} Message;

static void
add(Message *message, const uint8_t *data, size_t length)
{
	memcpy(message->data + message->length, data, length);
	message->length += length;
}

void
cs_nano_block_hash(const CsNanoBlock *block, uint8_t hash[32])
{
	Message		message = {.length = 0};

	switch (block->type)
	{
		case CS_NANO_BLOCK_STATE:
			add(&message, state_preamble, 32);
			add(&message, block->account, 32);
			add(&message, block->previous, 32);
			add(&message, block->representative, 32);
			add(&message, block->balance, 16);
			add(&message, block->link, 32);
			break;
		case CS_NANO_BLOCK_SEND:
			add(&message, block->previous, 32);
			add(&message, block->link, 32);
			add(&message, block->balance, 16);
			break;
		case CS_NANO_BLOCK_RECEIVE:
			add(&message, block->previous, 32);
			add(&message, block->link, 32);
			break;
		case CS_NANO_BLOCK_OPEN:
			add(&message, block->link, 32);
			add(&message, block->representative, 32);
			add(&message, block->account, 32);
			break;
		case CS_NANO_BLOCK_CHANGE:
			add(&message, block->previous, 32);
			add(&message, block->representative, 32);
			break;
	}
	cs_blake2b(hash, 32, message.data, message.length);
}
