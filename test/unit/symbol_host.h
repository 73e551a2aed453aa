/*-------------------------------------------------------------------------
 *
 * symbol_host.h
 *	  What the tests of the Symbol provider have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SYMBOL_HOST_H
#define SYMBOL_HOST_H

#include "codec/symbol_address.h"
#include "host.h"

/* Of the samples: the signer of the real transactions, and its recipient. */
#define SIGNER	  "TBZN46UIU5BFLJI46VB4JTHHCE5EN2RFLR7NX3A"
#define RECIPIENT "TBJHAFYICU7LOTDROE7QVR6FN5O6KZYOAYLVSVA"

/* Others. */
#define XENIA	  "TATNE7Q5BITMUTRRN6IB4I7FLSDRDWZA37JGO5Q"
#define YANNIS	  "TDR6EW2WBHJQDYMNGFX2UBZHMMZC5PGL2YBO3KA"
#define ZOE		  "TCOXVZMAZJTT4I3F7EAZYGNGR77D6WPTRE3VIBQ"

extern Host symbol_host(const char *network, const char *options);

/* Every topic; the ids are 1 to 9, in the order of the topics. */
extern void symbol_subscribe_all(Host *host);

/* The link opens, and the uid comes; the uid. */
extern void symbol_greet(Host *host);
extern const char symbol_uid[];

/* The link closes with a close frame. */
extern void symbol_close(Host *host, int code, const char *words);

/* The address of the key that is this number; overwritten by the next. */
extern const char *symbol_address(int number);

#endif							/* SYMBOL_HOST_H */
