/*-------------------------------------------------------------------------
 *
 * flow_cadence.h
 *	  Reading the values of Cadence, as JSON-CDC writes them.
 *
 * A value is {"type": ..., "value": ...} in either order; a composite one (an
 * event, a struct, ...) has fields, which are looked up by name, never by
 * position.  What a getter does not find, or finds to be of another type, is
 * absent.  Everything points into the object that was parsed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_FLOW_CADENCE_H
#define CS_FLOW_CADENCE_H

#include "provider/json.h"

/* Digits of 2^64 - 1, and a NUL. */
#define CS_CADENCE_FIXED_MAX 21

typedef enum CsCadenceForm
{
	CS_CADENCE_JSON,			/* it was read */
	CS_CADENCE_CCF,				/* the binary encoding of servers before v0.42 */
	CS_CADENCE_BROKEN			/* neither */
} CsCadenceForm;

/*
 * Read the payload of an event: base64 of its JSON-CDC text.  *event* is the
 * caller's to json_object_put(), NULL unless the result is CS_CADENCE_JSON.
 */
extern CsCadenceForm cs_cadence_event(struct json_tokener *tokener,
									  CsText payload,
									  struct json_object **event,
									  CsError *error);

/* The type a composite value says it is of, such as "flow.AccountCreated". */
extern CsText cs_cadence_id(struct json_object *composite);

/*
 * A field of a composite value, without the optionals around it; NULL: there
 * is none of this name, or it is nil.
 */
extern struct json_object *cs_cadence_field(struct json_object *composite,
											const char *name);

/* A value without the optionals around it; NULL: nil. */
extern struct json_object *cs_cadence_unwrap(struct json_object *value);

/*
 * The text of a value whose JSON-CDC form is a string: an integer, a
 * fixed-point number, a string, a character, an address; without NULs.
 */
extern CsText cs_cadence_text(struct json_object *value);

/* The address of a value of that type. */
extern bool cs_cadence_address(struct json_object *value, uint64_t *address);

/*
 * An unsigned fixed-point number, UFix64, as the integer number of its
 * smallest unit, 10^-8: "10.00000000" is "1000000000".  *amount* gets a NUL.
 */
extern bool cs_cadence_ufix64(struct json_object *value,
							  char amount[CS_CADENCE_FIXED_MAX]);

#endif							/* CS_FLOW_CADENCE_H */
