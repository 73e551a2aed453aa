/*-------------------------------------------------------------------------
 *
 * ton_cell.c
 *	  Cells of TON.
 *
 * A bag comes from a peer, so nothing of it is believed: every count is
 * compared with the bytes there are before memory is taken for it, and since
 * a reference must lead to a later cell there are no cycles and no recursion.
 *
 * Ordinary cells are hashed, and library cells, which have the same rule and
 * do occur (a wallet's code may be one).  Pruned branches and Merkle proofs
 * have others and no business in a message.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/ton_cell.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

/* Longest representation of a cell: descriptors, data, depths and hashes. */
#define CELL_BYTES_MAX 128
#define REPRESENTATION_MAX \
	(2 + CELL_BYTES_MAX + CS_TON_REFERENCES_MAX * (2 + CS_TON_HASH_LENGTH))

#define CELL_BITS_MAX 1023

#define LIBRARY_BITS (8 + 8 * CS_TON_HASH_LENGTH)
#define LIBRARY_TYPE 2

const char *
cs_ton_cell_problem(CsTonCellError error)
{
	switch (error)
	{
		case CS_TON_CELL_OK:
			return "nothing is wrong";
		case CS_TON_CELL_MAGIC:
			return "it does not begin as a bag of cells";
		case CS_TON_CELL_HEADER:
			return "its header is impossible";
		case CS_TON_CELL_SIZE:
			return "its length does not fit its header";
		case CS_TON_CELL_CHECKSUM:
			return "its checksum does not match";
		case CS_TON_CELL_FORM:
			return "one of its cells is malformed";
		case CS_TON_CELL_REFERENCE:
			return "a cell refers to one that does not follow it";
		case CS_TON_CELL_DEPTH:
			return "its cells are nested too deeply";
		case CS_TON_CELL_EXOTIC:
			return "it holds a kind of cell that messages do not have";
		case CS_TON_CELL_MESSAGE:
			return "it is not an external inbound message";
		case CS_TON_CELL_MEMORY:
			return "out of memory";
	}
	return "unknown";
}

/* ---------- hashes ---------- */

static bool
sha256(const uint8_t *bytes, size_t size, uint8_t hash[CS_TON_HASH_LENGTH])
{
	return EVP_Digest(bytes, size, hash, NULL, EVP_sha256(), NULL) == 1;
}

/* A cell that is referred to, as far as the hash of another depends on it. */
typedef struct Child
{
	const uint8_t *hash;
	uint16_t	depth;
} Child;

/*
 * Write the descriptors and the data of a cell.  *data* holds so many bits,
 * the first in the uppermost of the first byte; what follows the last is not
 * looked at.  Returns the size.
 */
static size_t
put_data(uint8_t *at, const uint8_t *data, unsigned int bits,
		 unsigned int reference_count, bool library)
{
	unsigned int whole = bits / 8;
	unsigned int rest = bits % 8;

	at[0] = (uint8_t) (reference_count + (library ? 8 : 0));
	at[1] = (uint8_t) (whole + whole + (rest > 0));
	memcpy(at + 2, data, whole);
	if (rest == 0)
		return 2 + whole;

	/* The rest, a one, and zeros to the end of the byte. */
	at[2 + whole] = (uint8_t) ((data[whole] & (0xFF << (8 - rest))) |
							   1 << (7 - rest));
	return 2 + whole + 1;
}

static bool
hash_cell(const uint8_t *data, unsigned int bits, bool library,
		  const Child *children, unsigned int count,
		  uint8_t hash[CS_TON_HASH_LENGTH])
{
	uint8_t		representation[REPRESENTATION_MAX];
	size_t		size = put_data(representation, data, bits, count, library);

	for (unsigned int i = 0; i < count; i++)
	{
		representation[size++] = (uint8_t) (children[i].depth >> 8);
		representation[size++] = (uint8_t) children[i].depth;
	}
	for (unsigned int i = 0; i < count; i++)
	{
		memcpy(representation + size, children[i].hash, CS_TON_HASH_LENGTH);
		size += CS_TON_HASH_LENGTH;
	}
	return sha256(representation, size, hash);
}

/*
 * CRC-32C, Castagnoli's, bit by bit: messages are short.
 */
static uint32_t
crc32c(const uint8_t *bytes, size_t size)
{
	uint32_t	crc = UINT32_MAX;

	for (size_t i = 0; i < size; i++)
	{
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	return ~crc;
}

/* ---------- the header ---------- */

/* Bytes that are still to be read. */
typedef struct Reader
{
	const uint8_t *at;
	size_t		left;
} Reader;

/* A number of *size* bytes, at most 8; false: there are not so many. */
static bool
read_number(Reader *reader, unsigned int size, uint64_t *number)
{
	if (reader->left < size)
		return false;
	*number = 0;
	for (unsigned int i = 0; i < size; i++)
		*number = *number << 8 | *reader->at++;
	reader->left -= size;
	return true;
}

typedef struct Header
{
	bool		index;
	bool		checksum;
	unsigned int reference_size;
	unsigned int offset_size;
	uint64_t	cells;
	uint64_t	total;			/* bytes of all cells */
	uint64_t	root;
} Header;

static CsTonCellError
read_sizes(Reader *reader, Header *header)
{
	static const uint8_t magic[] = {0xB5, 0xEE, 0x9C, 0x72};
	uint64_t	flags;
	uint64_t	offset_size;

	if (reader->left < sizeof(magic) ||
		memcmp(reader->at, magic, sizeof(magic)) != 0)
		return CS_TON_CELL_MAGIC;
	reader->at += sizeof(magic);
	reader->left -= sizeof(magic);
	if (!read_number(reader, 1, &flags) ||
		!read_number(reader, 1, &offset_size))
		return CS_TON_CELL_SIZE;
	header->index = (flags & 0x80) != 0;
	header->checksum = (flags & 0x40) != 0;
	header->reference_size = flags & 7;
	header->offset_size = (unsigned int) offset_size;

	/* A cache needs an index; two bits are always zero. */
	if (((flags & 0x20) && !header->index) || (flags & 0x18) ||
		header->reference_size < 1 || header->reference_size > 4 ||
		offset_size < 1 || offset_size > 8)
		return CS_TON_CELL_HEADER;
	return CS_TON_CELL_OK;
}

static CsTonCellError
read_header(Reader *reader, Header *header)
{
	CsTonCellError error = read_sizes(reader, header);
	uint64_t	roots;
	uint64_t	absent;

	if (error != CS_TON_CELL_OK)
		return error;
	if (!read_number(reader, header->reference_size, &header->cells) ||
		!read_number(reader, header->reference_size, &roots) ||
		!read_number(reader, header->reference_size, &absent) ||
		!read_number(reader, header->offset_size, &header->total))
		return CS_TON_CELL_SIZE;
	if (header->cells < 1 || roots != 1 || absent != 0)
		return CS_TON_CELL_HEADER;
	if (!read_number(reader, header->reference_size, &header->root))
		return CS_TON_CELL_SIZE;
	if (header->root >= header->cells)
		return CS_TON_CELL_HEADER;

	/* A cell takes two bytes at least. */
	if (header->total > reader->left || header->cells > header->total / 2)
		return CS_TON_CELL_SIZE;
	if (header->index)
	{
		uint64_t	size = header->cells * header->offset_size;

		if (size > reader->left)
			return CS_TON_CELL_SIZE;
		reader->at += size;
		reader->left -= size;
	}
	return CS_TON_CELL_OK;
}

/* ---------- cells ---------- */

/*
 * How many of the bits of a cell are data; the last byte of an incomplete one
 * ends with a one and zeros.  False: it does not.
 */
static bool
count_bits(const uint8_t *data, unsigned int descriptor, uint16_t *bits)
{
	unsigned int size = (descriptor + 1) / 2;
	uint8_t		last;

	*bits = (uint16_t) (size * 8);
	if (descriptor % 2 == 0)
		return true;
	last = data[size - 1];
	if ((last & 0x7F) == 0)
		return false;
	*bits = (uint16_t) (*bits - 1);
	for (; (last & 1) == 0; last >>= 1)
		*bits = (uint16_t) (*bits - 1);
	return true;
}

static CsTonCellError
read_references(Reader *reader, const Header *header, uint32_t index,
				CsTonCell *cell)
{
	for (unsigned int i = 0; i < cell->reference_count; i++)
	{
		uint64_t	reference;

		if (!read_number(reader, header->reference_size, &reference))
			return CS_TON_CELL_SIZE;
		if (reference <= index || reference >= header->cells)
			return CS_TON_CELL_REFERENCE;
		cell->references[i] = (uint32_t) reference;
	}
	return CS_TON_CELL_OK;
}

static CsTonCellError
read_cell(Reader *reader, const Header *header, uint32_t index, CsTonCell *cell)
{
	unsigned int first;
	unsigned int second;
	unsigned int size;

	if (reader->left < 2)
		return CS_TON_CELL_SIZE;
	first = reader->at[0];
	second = reader->at[1];
	size = (second + 1) / 2;
	reader->at += 2;
	reader->left -= 2;
	cell->reference_count = first & 7;
	cell->library = (first & 8) != 0;
	if (cell->reference_count > CS_TON_REFERENCES_MAX)
		return CS_TON_CELL_FORM;

	/* Stored hashes, and the levels of proofs. */
	if (first & 0xF0)
		return CS_TON_CELL_EXOTIC;
	if (reader->left < size)
		return CS_TON_CELL_SIZE;
	cell->data = reader->at;
	reader->at += size;
	reader->left -= size;
	if (!count_bits(cell->data, second, &cell->bits))
		return CS_TON_CELL_FORM;
	if (cell->library &&
		(cell->bits != LIBRARY_BITS || cell->data[0] != LIBRARY_TYPE ||
		 cell->reference_count != 0))
		return CS_TON_CELL_EXOTIC;
	return read_references(reader, header, index, cell);
}

/* Depth and hash of a cell, those of its children being known. */
static CsTonCellError
finish_cell(const CsTonBag *bag, CsTonCell *cell)
{
	Child		children[CS_TON_REFERENCES_MAX];

	cell->depth = 0;
	for (unsigned int i = 0; i < cell->reference_count; i++)
	{
		const CsTonCell *child = &bag->cells[cell->references[i]];

		children[i] = (Child) {child->hash, child->depth};
		if (cell->depth <= child->depth)
			cell->depth = (uint16_t) (child->depth + 1);
	}
	if (cell->depth > CS_TON_DEPTH_MAX)
		return CS_TON_CELL_DEPTH;
	if (!hash_cell(cell->data, cell->bits, cell->library, children,
				   cell->reference_count, cell->hash))
		return CS_TON_CELL_MEMORY;
	return CS_TON_CELL_OK;
}

static CsTonCellError
read_cells(Reader reader, const Header *header, CsTonBag *bag)
{
	CsTonCellError error = CS_TON_CELL_OK;

	for (uint32_t i = 0; i < bag->count && error == CS_TON_CELL_OK; i++)
		error = read_cell(&reader, header, i, &bag->cells[i]);
	if (error == CS_TON_CELL_OK && reader.left > 0)
		error = CS_TON_CELL_SIZE;
	for (size_t i = bag->count; i > 0 && error == CS_TON_CELL_OK; i--)
		error = finish_cell(bag, &bag->cells[i - 1]);
	return error;
}

/* The checksum that may follow the cells, least significant byte first. */
static CsTonCellError
check_end(const uint8_t *bytes, size_t size, const Header *header, size_t left)
{
	uint32_t	expected = 0;

	if (left != (header->checksum ? 4 : 0))
		return CS_TON_CELL_SIZE;
	if (!header->checksum)
		return CS_TON_CELL_OK;
	for (int i = 0; i < 4; i++)
		expected |= (uint32_t) bytes[size - 4 + (size_t) i] << (8 * i);
	return crc32c(bytes, size - 4) == expected ? CS_TON_CELL_OK :
		CS_TON_CELL_CHECKSUM;
}

CsTonCellError
cs_ton_bag_read(const uint8_t *bytes, size_t size, CsTonBag *bag)
{
	Reader		reader = {bytes, size};
	Header		header;
	CsTonCellError error;

	if (size > CS_TON_BAG_MAX)
		return CS_TON_CELL_SIZE;
	error = read_header(&reader, &header);
	if (error == CS_TON_CELL_OK)
		error = check_end(bytes, size, &header,
						  reader.left - (size_t) header.total);
	if (error != CS_TON_CELL_OK)
		return error;

	bag->count = (size_t) header.cells;
	bag->root = (uint32_t) header.root;
	bag->cells = malloc(bag->count * sizeof(CsTonCell));
	if (bag->cells == NULL)
		return CS_TON_CELL_MEMORY;
	reader.left = (size_t) header.total;
	error = read_cells(reader, &header, bag);
	if (error != CS_TON_CELL_OK)
		cs_ton_bag_free(bag);
	return error;
}

void
cs_ton_bag_free(CsTonBag *bag)
{
	free(bag->cells);
	bag->cells = NULL;
}

/* ---------- messages ---------- */

/* The bits and references of a cell that are still to be read. */
typedef struct Slice
{
	const CsTonCell *cell;
	unsigned int bit;
	unsigned int reference;
	bool		failed;			/* there were not enough */
} Slice;

/* The next *count* bits, at most 32, as a number. */
static uint32_t
take_bits(Slice *slice, unsigned int count)
{
	uint32_t	number = 0;

	if (count > slice->cell->bits - slice->bit)
		slice->failed = true;
	if (slice->failed)
		return 0;
	for (; count > 0; count--, slice->bit++)
		number = number << 1 |
			(slice->cell->data[slice->bit / 8] >> (7 - slice->bit % 8) & 1);
	return number;
}

static void
skip_bits(Slice *slice, unsigned int count)
{
	if (count > slice->cell->bits - slice->bit)
		slice->failed = true;
	else
		slice->bit += count;
}

/* The index of the next reference. */
static uint32_t
take_reference(Slice *slice)
{
	if (slice->reference == slice->cell->reference_count)
		slice->failed = true;
	if (slice->failed)
		return 0;
	return slice->cell->references[slice->reference++];
}

/* An external source: nothing, or a number of bits. */
static void
skip_source(Slice *slice)
{
	switch (take_bits(slice, 2))
	{
		case 0:
			break;
		case 1:
			skip_bits(slice, take_bits(slice, 9));
			break;
		default:
			slice->failed = true;
			break;
	}
}

static void
take_destination(Slice *slice, CsTonAddress *address)
{
	memset(address, 0, sizeof(*address));
	if (take_bits(slice, 2) != 2)
	{
		slice->failed = true;
		return;
	}
	if (take_bits(slice, 1))	/* anycast: a prefix of up to 30 bits */
		skip_bits(slice, take_bits(slice, 5));
	address->workchain = (int8_t) take_bits(slice, 8);
	for (size_t i = 0; i < sizeof(address->hash); i++)
		address->hash[i] = (uint8_t) take_bits(slice, 8);
}

/* What the account shall be made of: in another cell, or right here. */
static void
skip_init(Slice *slice)
{
	if (take_bits(slice, 1))
	{
		(void) take_reference(slice);
		return;
	}
	if (take_bits(slice, 1))	/* depth of splitting */
		skip_bits(slice, 5);
	if (take_bits(slice, 1))	/* special: tick and tock */
		skip_bits(slice, 2);
	for (int i = 0; i < 3; i++) /* code, data, libraries */
	{
		if (take_bits(slice, 1))
			(void) take_reference(slice);
	}
}

/* Copies bits to where they begin at any other bit; *to* was all zeros. */
static void
copy_bits(uint8_t *to, unsigned int to_bit, const uint8_t *from,
		  unsigned int from_bit, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
	{
		unsigned int at = to_bit + i;
		unsigned int bit = from[(from_bit + i) / 8] >> (7 - (from_bit + i) % 8);

		to[at / 8] |= (uint8_t) ((bit & 1) << (7 - at % 8));
	}
}

/*
 * The body: a cell of its own, or what is left of this one, which is then
 * hashed as if it were.
 */
static bool
take_body(const CsTonBag *bag, Slice *slice, uint8_t hash[CS_TON_HASH_LENGTH],
		  uint16_t *depth)
{
	const CsTonCell *cell = slice->cell;
	Child		children[CS_TON_REFERENCES_MAX];
	uint8_t		data[CELL_BYTES_MAX] = {0};
	unsigned int count = 0;
	bool		referred = take_bits(slice, 1) != 0;

	if (slice->failed)
		return true;
	if (referred)
	{
		const CsTonCell *body = &bag->cells[take_reference(slice)];

		/* Nothing may follow. */
		if (slice->bit != cell->bits ||
			slice->reference != cell->reference_count)
			slice->failed = true;
		memcpy(hash, body->hash, CS_TON_HASH_LENGTH);
		*depth = body->depth;
		return true;
	}
	*depth = 0;
	while (slice->reference < cell->reference_count)
	{
		const CsTonCell *child = &bag->cells[take_reference(slice)];

		children[count++] = (Child) {child->hash, child->depth};
		if (*depth <= child->depth)
			*depth = (uint16_t) (child->depth + 1);
	}
	copy_bits(data, 0, cell->data, slice->bit, cell->bits - slice->bit);
	return hash_cell(data, cell->bits - slice->bit, false, children, count,
					 hash);
}

/*
 * The hash of the message as TEP-467 would have it written: without a source,
 * fee and state, the body in a cell of its own.  The destination is so many
 * bits of the cell, as it stands there.
 */
static bool
normalize(const CsTonCell *cell, unsigned int from, unsigned int count,
		  const Child *body, uint8_t hash[CS_TON_HASH_LENGTH])
{
	uint8_t		data[CELL_BYTES_MAX] = {0x80};
	unsigned int bits = 4 + count + 4 + 1;

	copy_bits(data, 4, cell->data, from, count);
	data[bits / 8] |= (uint8_t) (1 << (7 - bits % 8));	/* body by reference */
	return hash_cell(data, bits + 1, false, body, 1, hash);
}

CsTonCellError
cs_ton_message_read(const CsTonBag *bag, CsTonMessage *message)
{
	const CsTonCell *root = &bag->cells[bag->root];
	Slice		slice = {.cell = root};
	Child		body = {.hash = message->body_hash};
	unsigned int from;
	unsigned int count;

	if (root->library || take_bits(&slice, 2) != 2)
		return CS_TON_CELL_MESSAGE;
	skip_source(&slice);
	from = slice.bit;
	take_destination(&slice, &message->destination);
	count = slice.bit - from;
	skip_bits(&slice, 8 * take_bits(&slice, 4));	/* import fee */
	message->deploys = take_bits(&slice, 1) != 0;
	if (message->deploys)
		skip_init(&slice);
	if (slice.failed)
		return CS_TON_CELL_MESSAGE;
	if (!take_body(bag, &slice, message->body_hash, &body.depth))
		return CS_TON_CELL_MEMORY;
	if (slice.failed)
		return CS_TON_CELL_MESSAGE;
	memcpy(message->hash, root->hash, CS_TON_HASH_LENGTH);
	return normalize(root, from, count, &body, message->normalized_hash) ?
		CS_TON_CELL_OK : CS_TON_CELL_MEMORY;
}
