/*-------------------------------------------------------------------------
 *
 * utf8.h
 *	  Is it well-formed UTF-8?
 *
 * The rule is PostgreSQL's: no overlong forms, no surrogates, nothing above
 * U+10FFFF.  U+0000 is well-formed here; whoever stores text must refuse it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_UTF8_H
#define CS_UTF8_H

#include <stddef.h>

/*
 * Length in bytes of the character that begins at *text*, of which *length*
 * bytes are there; 0 if it is not well-formed.
 */
extern size_t cs_utf8_character(const char *text, size_t length);

/* Length of the longest part of *text* that ends with a whole character. */
extern size_t cs_utf8_clip(const char *text, size_t length);

#endif							/* CS_UTF8_H */
