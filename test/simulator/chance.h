/*-------------------------------------------------------------------------
 *
 * chance.h
 *	  Numbers that look random and are determined by what they are for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_CHANCE_H
#define CS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

/* The finalizer of SplitMix64, of Steele, Lea and Flood: one to one. */
static inline uint64_t
cs_sim_mix(uint64_t number)
{
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/* The next number of the sequence that *state* stands for. */
static inline uint64_t
cs_sim_chance(uint64_t *state)
{
	return cs_sim_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* 0 .. range - 1 */
static inline uint64_t
cs_sim_chance_below(uint64_t *state, uint64_t range)
{
	return (uint64_t) ((unsigned __int128) cs_sim_chance(state) * range >> 64);
}

/* Fill *data* with bytes of the sequence. */
static inline void
cs_sim_chance_bytes(uint64_t *state, uint8_t *data, size_t length)
{
	uint64_t	number = 0;

	for (size_t i = 0; i < length; i++, number >>= 8)
	{
		if (i % 8 == 0)
			number = cs_sim_chance(state);
		data[i] = (uint8_t) number;
	}
}

#endif							/* CS_CHANCE_H */
