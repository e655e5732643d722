/* abc.h: ABC classes by cumulative share, exact. */
#ifndef CUSTPRIO_ABC_H
#define CUSTPRIO_ABC_H

#include "compat.h"
#include "utils/array.h"
#include "utils/numeric.h"

#define ABC_MAX_CUTS	24

/*
 * A walk over groups of equal values in descending order. limit[k] is the cumulative sum from which on class k + 2
 * begins (cut k times the total, rounded up), on the scale of the values.
 */
typedef struct AbcWalk
{
	int			n_cuts;
	int			passed;			/* limits already reached */
	int128		before;			/* sum of the groups so far */
	int128		limit[ABC_MAX_CUTS];
} AbcWalk;

/* total: sum of the positive values, on their common scale */
extern void abc_walk_begin(AbcWalk *walk, int128 total, const Numeric *cuts, int n_cuts);

/* Class rank (1 = A) of the next group: count customers of that value each. */
static inline uint8
abc_walk_step(AbcWalk *walk, int64 value, int64 count)
{
	if (value <= 0)
		return walk->n_cuts + 1;
	while (walk->passed < walk->n_cuts && walk->before >= walk->limit[walk->passed])
		walk->passed++;
	walk->before += (int128) value * count;
	return walk->passed + 1;
}

/* The same for values that do not fit; the sums live in the memory context that was current at the beginning. */
typedef struct AbcNumericWalk
{
	int			n_cuts;
	int			passed;
	MemoryContext memory;
	Numeric		zero;
	Numeric		before;
	Numeric		limit[ABC_MAX_CUTS];	/* cut times total */
} AbcNumericWalk;

extern void abc_numeric_begin(AbcNumericWalk *walk, Numeric total, const Numeric *cuts, int n_cuts);
extern uint8 abc_numeric_step(AbcNumericWalk *walk, Numeric value, int64 count);

/* Raise 22023 unless there are 1 to ABC_MAX_CUTS cuts, ascending within (0, 1). */
extern void abc_check_cuts(const Numeric *cuts, int n_cuts);

/* The checked cuts of a numeric[] into cuts[ABC_MAX_CUTS], copied; returns how many. */
extern int	abc_cuts_from_array(ArrayType *array, Numeric *cuts);

/* The default cuts 0.80 and 0.95 into cuts[ABC_MAX_CUTS]; returns how many. */
extern int	abc_default_cuts(Numeric *cuts);

#endif
