/* ranking.h: values as dense ranks, in which equals share a rank. */
#ifndef CUSTPRIO_RANKING_H
#define CUSTPRIO_RANKING_H

#include "utils/numeric.h"

/*
 * Of n values: rank[i] of each, 0 being the smallest; and by rank, how many values have it and the position of one of
 * them.
 */
typedef struct Ranking
{
	int32		n;
	int32		n_ranks;
	int32	   *rank;
	int64	   *count;
	int32	   *example;
} Ranking;

extern Ranking *rank_int64(const int64 *values, int32 n);
extern Ranking *rank_numeric(const Numeric *values, int32 n);

#endif
