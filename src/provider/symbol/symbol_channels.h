/*-------------------------------------------------------------------------
 *
 * symbol_channels.h
 *	  The channels of a Symbol gateway, between the files about them:
 *
 *	  symbol_channels.c	requests for channels; which were accepted
 *	  symbol_refusals.c	which were refused
 *	  symbol_watch.c	which are wanted
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_SYMBOL_CHANNELS_H
#define CS_SYMBOL_CHANNELS_H

#include "provider/symbol/symbol.h"

/* Flags of a watch: it was said to be over the limit; a gateway refused it. */
#define SYMBOL_WATCH_OVER	0x40
#define SYMBOL_WATCH_BLAMED	0x80

/* Tell a watch's state, if that is news; *flag* says which state it is. */
extern void cs_channel_tell_watch(CsWatch *watch, uint8_t flag, CsState state,
								  const char *detail, CsOutput *output);

/* Does the topic take the watch list?  How many topics are in the set? */
extern bool cs_channel_is_watched(const SymbolSession *symbol, int topic);
extern size_t cs_channel_count_topics(unsigned int topics);

/* Channels on the connection; is there room for more, and if not, why? */
extern size_t cs_channel_count(const SymbolSession *symbol);
extern bool cs_channel_has_room(const SymbolSession *symbol, size_t more);
extern const char *cs_channel_limit_reason(const SymbolSession *symbol);

/* Are there so many requests on their way that others have to wait? */
extern bool cs_channel_window_is_full(const SymbolSession *symbol);

/* Send a request; *verb* is "subscribe" or "unsubscribe". */
extern void cs_channel_send(SymbolSession *symbol, const char *verb,
							SymbolTopicId topic, const CsWatch *watch,
							CsOutput *output);

/* Ask for a channel, and remember it for as long as it may be refused. */
extern void cs_channel_subscribe(SymbolSession *symbol, SymbolTopicId topic,
								 CsWatch *watch, bool last, int64_t now_ms,
								 CsOutput *output);
extern bool cs_channel_is_on_its_way(const SymbolSession *symbol,
									 const CsWatch *watch);

/* Give up the channels of a watch; one without an address. */
extern void cs_channel_drop_watch(SymbolSession *symbol, CsWatch *watch,
								  CsOutput *output);
extern void cs_channel_drop_open(SymbolSession *symbol, int id,
								 CsOutput *output);

/* Forget an entry that is not wanted any more. */
extern void cs_channel_remove_watch(SymbolSession *symbol, CsWatch *watch);

/* Requests that were sent long enough ago were accepted. */
extern void cs_channel_settle(SymbolSession *symbol, int64_t now_ms,
							  CsOutput *output);

#endif							/* CS_SYMBOL_CHANNELS_H */
