/*-------------------------------------------------------------------------
 *
 * flow_address.h
 *	  Account addresses of the Flow networks.
 *
 * An address is 64 bits that must be a word of a linear [64,45,7] code, which
 * each network shifts by a constant of its own: so an address of one network
 * is none on any other, and up to six wrong bits are noticed.  Whether the
 * account exists is another question.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_FLOW_ADDRESS_H
#define CS_FLOW_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "0x" and 16 digits; without a NUL. */
#define CS_FLOW_ADDRESS_LENGTH 18

typedef enum CsFlowNetwork
{
	CS_FLOW_MAINNET,
	CS_FLOW_TESTNET,
	CS_FLOW_EMULATOR			/* and local networks */
} CsFlowNetwork;

/*
 * Read 16 hexadecimal digits of either case, which "0x" may precede; with it
 * leading zeros may be missing.  False: it is not of that form.  Whether the
 * address is valid on a network is not looked at.
 */
extern bool cs_flow_address_decode(const char *text, size_t length,
								   uint64_t *address);

/* Is it a word of the network's code? */
extern bool cs_flow_address_valid(CsFlowNetwork network, uint64_t address);

/* Print "0x" and 16 lower-case digits, with a NUL. */
extern void cs_flow_address_encode(uint64_t address,
								   char text[CS_FLOW_ADDRESS_LENGTH + 1]);

#endif							/* CS_FLOW_ADDRESS_H */
