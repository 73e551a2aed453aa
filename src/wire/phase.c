/*-------------------------------------------------------------------------
 *
 * phase.c
 *	  How far a connection has come, for those who show it to people.
 *
 *-------------------------------------------------------------------------
 */
#include "wire/internal.h"

/*
 * The step a connection is at; see wire.h.
 */
CsPhase
cs_connection_phase(const CsConnection *connection)
{
	CsConnectionState		state = connection->state == CS_GONE ? connection->ended_in
		: connection->state;

	switch (state)
	{
		case CS_RESOLVING:
			return CS_PHASE_NAME;
		case CS_DIALING:
		case CS_CONNECTING:
			return connection->address_count == 0 ? CS_PHASE_NAME : CS_PHASE_TCP;
		case CS_HANDSHAKING:
			return connection->url.tls && !connection->tls_done
				? CS_PHASE_TLS : CS_PHASE_HANDSHAKE;
		default:
			return CS_PHASE_OPEN;
	}
}
