/* quantile.h: quantile breaks and scores over dense ranks, and the rules they share. */
#ifndef CUSTPRIO_QUANTILE_H
#define CUSTPRIO_QUANTILE_H

#include "compat.h"

#include "valueset.h"
#include "window_partition.h"

#define QUANTILE_MAX_BINS	1000

/* 0-based position, in ascending order of n values, of the discrete quantile i/bins: ceil(i * n / bins) - 1. */
static inline int64
quantile_position(int i, int64 n, int bins)
{
	/* split so that i * n cannot overflow */
	return n / bins * i + (n % bins * i + bins - 1) / bins - 1;
}

/*
 * The bins - 1 breaks of a group, as dense ranks. count[d] says how many values have each dense rank 0 .. d - 1, in
 * ascending order of value; none is 0. A break at the highest rank falls back to the next lower one, so that the best
 * value scores bins; with d = 1 every break is rank 0. Takes O(d + bins). breaks[bins - 1] comes out ascending.
 */
extern void quantile_breaks_ranked(const int64 *count, int32 d, int bins, int32 *breaks);

/* Raise 22023 unless bins is within 1 .. QUANTILE_MAX_BINS. */
extern void quantile_check_bins(int bins);

/* The score of each value of a set, in the set's order. */
extern void quantile_score_set(const ValueSet *set, int bins, int16 *score);

/* The checked number of bins, argument arg, that all n rows of a window's partition agree on. */
extern int	quantile_bins_of_partition(FunctionCallInfo fcinfo, WindowObject window, int arg, int64 n);

#endif
