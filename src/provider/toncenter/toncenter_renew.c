/*-------------------------------------------------------------------------
 *
 * toncenter_renew.c
 *	  Streams of events that replace each other.
 *
 * The subscription of a stream is fixed, so a change takes another stream.
 * Where the key may hold one connection more, the old stream is kept until the
 * new one is acknowledged and a little longer, for what is still on its way:
 * then nothing is missed, and what both bring is the same row.  Else the old
 * one is closed first, and what happens in between is missed.
 *
 * A link has two numbers at the host, which its streams take in turn.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/output.h"
#include "provider/toncenter/toncenter.h"

/* An old stream is kept for so long after the new one was acknowledged. */
#define RETIRE_MS			1000

/* Connections that the host was told to keep. */
static int
count_connections(const ToncenterSession *ton)
{
	int			count = 0;

	for (int i = 0; i < ton->link_count; i++)
		count += ton->links[i].wanted + (ton->links[i].old_host >= 0);
	return count;
}

/* Close what the present stream has replaced, if it is still there. */
void
cs_toncenter_retire(ToncenterSession *ton, ToncenterLink *link,
					CsOutput *output)
{
	if (link->old_host < 0)
		return;
	cs_output_link(output, CS_ACTION_CLOSE_LINK, link->old_host, NULL);
	cs_toncenter_memory_move(ton->memory, link->old_host, link->host);
	link->old_host = -1;
	link->old_active = 0;
	link->retire_at = INT64_MAX;
}

/* The present stream is acknowledged: the one before it may go soon. */
void
cs_toncenter_retire_soon(ToncenterLink *link, int64_t now_ms)
{
	if (link->old_host >= 0)
		link->retire_at = now_ms + RETIRE_MS;
}

/* Open another stream, which takes over when it is acknowledged. */
void
cs_toncenter_renew(ToncenterSession *ton, ToncenterLink *link,
				   CsOutput *output)
{
	cs_toncenter_retire(ton, link, output);
	if (count_connections(ton) < ton->link_count)
	{
		link->old_host = link->host;
		link->old_active = link->active;
		link->host = link->number == link->host ?
			link->number + ton->link_count : link->number;
	}
	else
		cs_output_link(output, CS_ACTION_CLOSE_LINK, link->host, NULL);
	cs_output_link(output, CS_ACTION_OPEN_LINK, link->host, NULL);
	link->open = false;
}
