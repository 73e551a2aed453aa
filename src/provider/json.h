/*-------------------------------------------------------------------------
 *
 * json.h
 *	  JSON for providers: reading what peers send, writing what we ask.
 *
 * Messages are stored verbatim in a json column without being parsed again,
 * so what is accepted here must be what PostgreSQL accepts.  json-c is laxer
 * in a dozen ways, others in each release; cs_json_check_tokens() and
 * cs_json_parse() close the difference.
 *
 * No getter aborts or converts silently: each says whether the member is
 * there and of the right type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_JSON_H
#define CS_JSON_H

#include "provider/provider.h"

struct json_object;
struct json_tokener;

/* Deeper messages are refused. */
#define CS_JSON_DEPTH 64

/* ---------- reading ---------- */

/*
 * Parse a whole text whose root must be an object.  *tokener* is one of
 * cs_json_tokener(), used again and again.  The result is owned by the
 * caller: json_object_put().  NULL: see *error*.
 */
extern struct json_tokener *cs_json_tokener(void);
extern struct json_object *cs_json_parse(struct json_tokener *tokener,
										 const char *text, size_t length,
										 CsError *error);

/* The same for a text that is parsed only once. */
extern struct json_object *cs_json_parse_once(const char *text, size_t length,
											  CsError *error);

/*
 * Is every token (string, number, word, punctuation) one that PostgreSQL's
 * json type takes?  Whether they stand in the right order is not looked at,
 * but for a comma that ends a list.  Returns NULL, or what is wrong.
 */
extern const char *cs_json_check_tokens(const char *text, size_t length);

/* The member of this name, whatever it is; NULL: none, or null. */
extern struct json_object *cs_json_member(struct json_object *object,
										  const char *name);

/* The member if it is an object (an array), else NULL. */
extern struct json_object *cs_json_object(struct json_object *object,
										  const char *name);
extern struct json_object *cs_json_array(struct json_object *object,
										 const char *name);

/*
 * A string, or the member if it is one; else absent.  Points into the
 * object.  May hold NULs: cs_json_text() refuses those, to be used for
 * whatever shall become a column.
 */
extern CsText cs_json_string(struct json_object *value);
extern CsText cs_json_member_string(struct json_object *object,
									const char *name);

/*
 * A member that must be a string (without NULs), or an integer that may be
 * written as a string of digits.  False: see *error*, which names it.
 */
extern bool cs_json_text(struct json_object *object, const char *name,
						 CsText *text, CsError *error);
extern bool cs_json_integer(struct json_object *object, const char *name,
							int64_t *value, CsError *error);

/* A member that is a boolean; *otherwise* if it is not there or is none. */
extern bool cs_json_boolean(struct json_object *object, const char *name,
							bool otherwise);

/*
 * Parts of a text that was parsed, as they stand there; for the payload of
 * rows of which a message brings many.  *object* and *array* are the text of
 * such a value.  cs_json_slice_member() finds a member's value (absent: there
 * is none of this name), cs_json_slice_next() steps through the elements:
 * *position* is 0 at first; absent: that was all.  So does
 * cs_json_slice_next_member() through the values of an object, in one pass for
 * those with many; *name* is the name as written, without its quotes.
 */
extern CsText cs_json_slice_member(CsText object, const char *name);
extern CsText cs_json_slice_next(CsText array, size_t *position);
extern CsText cs_json_slice_next_member(CsText object, size_t *position,
										CsText *name);

/* ---------- writing ---------- */

/*
 * A JSON text under construction.  Commas are put where they belong; that
 * begins and ends match is the caller's business.  Running out of memory is
 * noted in *failed*, and nothing is added any more.
 */
typedef struct CsJsonWriter
{
	char	   *data;
	size_t		length;
	size_t		capacity;
	bool		failed;
} CsJsonWriter;

extern void cs_json_writer_reset(CsJsonWriter *writer);
extern void cs_json_writer_free(CsJsonWriter *writer);

extern void cs_json_begin(CsJsonWriter *writer, char bracket);	/* { or [ */
extern void cs_json_end(CsJsonWriter *writer, char bracket);	/* } or ] */
extern void cs_json_key(CsJsonWriter *writer, const char *name);
extern void cs_json_put_text(CsJsonWriter *writer, const char *text,
							 size_t length);
extern void cs_json_put_string(CsJsonWriter *writer, const char *string);
extern void cs_json_put_integer(CsJsonWriter *writer, int64_t value);
extern void cs_json_put_boolean(CsJsonWriter *writer, bool value);

#endif							/* CS_JSON_H */
