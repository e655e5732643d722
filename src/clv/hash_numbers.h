/* hash_numbers.h: a hash of what is asked for, where answers to questions of numbers are kept. */
#ifndef CUSTPRIO_CLV_HASH_NUMBERS_H
#define CUSTPRIO_CLV_HASH_NUMBERS_H

#include <stdint.h>
#include <string.h>

/* So many bits; 0 and -0 differ, which costs no more than an answer asked for anew. */
static inline uint64_t
hash_numbers(const double *number, int n, int bits_wanted)
{
	uint64_t	hash = 0;

	for (int i = 0; i < n; i++)
	{
		uint64_t	bits;

		memcpy(&bits, &number[i], sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	/* the low bits of products know little of thirds and sevenths */
	return hash >> (64 - bits_wanted);
}

#endif
