/*
 * abc.c: ABC classes, the Pareto analysis of customers by value.
 *
 * Customers are sorted by value, best first. A customer is in class A while the cumulative share before them is below
 * the first cut, so whoever crosses a cut stays in the better class; equal values share a class; zero and negative
 * values are in the last class, and shares are of the sum of the positive ones.
 *
 * Nothing is divided and nothing rounded: on integer values the question "is the sum before below cut * total" has
 * the same answer as "is it below cut * total rounded up", which one 128-bit comparison per group of equals settles.
 * Values that do not fit 64 bits on a common scale take the same walk in numeric arithmetic.
 */
#include "abc.h"

#include "catalog/pg_type.h"
#include "customer_tier.h"
#include "exact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "valueset.h"
#include "window_partition.h"

PG_FUNCTION_INFO_V1(custprio_abc_class);

/*
 * Cuts
 */

static bool
numeric_less(Numeric left, Numeric right)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(left), NumericGetDatum(right)));
}

void
abc_check_cuts(const Numeric *cuts, int n_cuts)
{
	Numeric		zero = int64_to_numeric(0);
	Numeric		one = int64_to_numeric(1);

	if (n_cuts < 1 || n_cuts > ABC_MAX_CUTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of cuts out of range"),
				 errdetail("Got %d cuts.", n_cuts),
				 errhint("Use 1 to %d cuts, for example {0.80,0.95} for three classes.", ABC_MAX_CUTS)));
	for (int i = 0; i < n_cuts; i++)
	{
		/* NaN sorts above everything, so it fails here too */
		if (!numeric_less(zero, cuts[i]) || !numeric_less(cuts[i], one))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cuts must lie between 0 and 1"),
					 errdetail("Cut %d is %s.", i + 1, exact_text(cuts[i])),
					 errhint("Give cumulative shares, for example {0.80,0.95}.")));
		if (i > 0 && !numeric_less(cuts[i - 1], cuts[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cuts must be in ascending order"),
					 errdetail("Cut %d is %s, after %s.", i + 1, exact_text(cuts[i]), exact_text(cuts[i - 1]))));
	}
}

int
abc_cuts_from_array(ArrayType *array, Numeric *cuts)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cuts must be a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("cuts must not contain NULL"),
					 errdetail("Element %d is NULL.", i + 1)));
		if (i < ABC_MAX_CUTS)
			cuts[i] = DatumGetNumericCopy(elements[i]);
	}
	abc_check_cuts(cuts, n);
	return n;
}

int
abc_default_cuts(Numeric *cuts)
{
	cuts[0] = exact_to_numeric(80, 2);
	cuts[1] = exact_to_numeric(95, 2);
	return 2;
}

/*
 * The walk
 */

/* A whole, not negative numeric below 2^127. */
static int128
whole_to_int128(Numeric num)
{
	Datum		unit;
	Datum		high;
	Datum		low;
	int64		mantissa;
	int			scale;

	if (exact_from_numeric(num, &mantissa, &scale) && scale == 0)
		return mantissa;
	unit = NumericGetDatum(int64_to_numeric(exact_pow10[EXACT_MAX_SCALE]));
	high = DirectFunctionCall2(numeric_div_trunc, NumericGetDatum(num), unit);
	low = DirectFunctionCall2(numeric_mod, NumericGetDatum(num), unit);
	return whole_to_int128(DatumGetNumeric(high)) * exact_pow10[EXACT_MAX_SCALE] +
		whole_to_int128(DatumGetNumeric(low));
}

void
abc_walk_begin(AbcWalk *walk, int128 total, const Numeric *cuts, int n_cuts)
{
	Datum		total_num = NumericGetDatum(exact128_to_numeric(total, 0));

	walk->n_cuts = n_cuts;
	walk->passed = 0;
	walk->before = 0;
	for (int i = 0; i < n_cuts; i++)
	{
		Datum		limit = DirectFunctionCall2(numeric_mul, total_num, NumericGetDatum(cuts[i]));

		walk->limit[i] = whole_to_int128(DatumGetNumeric(DirectFunctionCall1(numeric_ceil, limit)));
	}
}

void
abc_numeric_begin(AbcNumericWalk *walk, Numeric total, const Numeric *cuts, int n_cuts)
{
	walk->n_cuts = n_cuts;
	walk->passed = 0;
	walk->memory = CurrentMemoryContext;
	walk->zero = int64_to_numeric(0);
	walk->before = int64_to_numeric(0);
	for (int i = 0; i < n_cuts; i++)
		walk->limit[i] = DatumGetNumeric(DirectFunctionCall2(numeric_mul,
															 NumericGetDatum(total), NumericGetDatum(cuts[i])));
}

uint8
abc_numeric_step(AbcNumericWalk *walk, Numeric value, int64 count)
{
	Numeric		before = walk->before;
	MemoryContext old;
	Datum		sum;

	if (!numeric_less(walk->zero, value))
		return walk->n_cuts + 1;
	while (walk->passed < walk->n_cuts && !numeric_less(before, walk->limit[walk->passed]))
		walk->passed++;

	sum = DirectFunctionCall2(numeric_mul, NumericGetDatum(value), NumericGetDatum(int64_to_numeric(count)));
	old = MemoryContextSwitchTo(walk->memory);
	walk->before = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(before), sum));
	MemoryContextSwitchTo(old);
	pfree(DatumGetPointer(sum));
	pfree(before);
	return walk->passed + 1;
}

/*
 * abc_class(value [, cuts]) OVER (...)
 */

/*
 * floor_at[k] = index, in a set sorted in ascending order, of the smallest value whose class rank is at most k + 1.
 * Equals share a class, so these values say it all. False when no value is positive.
 */
static bool
find_floors(const ValueSet *sorted, const Numeric *cuts, int n_cuts, int64 *floor_at)
{
	union
	{
		AbcWalk		whole;
		AbcNumericWalk numeric;
	}			walk;
	Numeric		zero = int64_to_numeric(0);
	Numeric		total = zero;
	int128		total128 = 0;
	int64		first = sorted->n;	/* first of the positive values */
	int			reached = 0;

	while (first > 0 &&
		   (sorted->keyed ? sorted->at.keys[first - 1] > 0 :
			numeric_less(zero, DatumGetNumeric(sorted->at.datums[first - 1]))))
	{
		first--;
		if (sorted->keyed)
			total128 += sorted->at.keys[first];
		else
			total = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(total), sorted->at.datums[first]));
	}
	if (first == sorted->n)
		return false;

	if (sorted->keyed)
		abc_walk_begin(&walk.whole, total128, cuts, n_cuts);
	else
		abc_numeric_begin(&walk.numeric, total, cuts, n_cuts);
	for (int64 i = sorted->n - 1, end; i >= first; i = end)
	{
		int			rank;

		CHECK_FOR_INTERRUPTS();
		for (end = i - 1; end >= first && value_set_compare(sorted, end, sorted, i) == 0; end--)
			;
		if (sorted->keyed)
			rank = abc_walk_step(&walk.whole, sorted->at.keys[i], i - end);
		else
			rank = abc_numeric_step(&walk.numeric, DatumGetNumeric(sorted->at.datums[i]), i - end);

		/* the classes above this one end with the group before */
		for (; reached < rank - 1; reached++)
			floor_at[reached] = i + 1;
	}
	for (; reached < n_cuts; reached++)
		floor_at[reached] = first;
	return true;
}

/* The cuts of the whole partition, after a check that all its rows agree on them. */
static int
partition_cuts(FunctionCallInfo fcinfo, WindowObject window, int64 n, Numeric *cuts)
{
	bool		stable;
	int			n_cuts = 0;

	if (PG_NARGS() < 2)
		return abc_default_cuts(cuts);

	stable = get_fn_expr_arg_stable(fcinfo->flinfo, 1);
	for (int64 i = 0; i < n; i++)
	{
		Numeric		row_cuts[ABC_MAX_CUTS];
		bool		isnull;
		int			row_n;
		Datum		array = partition_argument(window, 1, i, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("cuts must not be NULL"),
					 errhint("Leave the argument out for the default cuts {0.80,0.95}.")));
		if (i == 0)
		{
			n_cuts = abc_cuts_from_array(DatumGetArrayTypeP(array), cuts);
			if (stable)
				break;
			continue;
		}
		row_n = abc_cuts_from_array(DatumGetArrayTypeP(array), row_cuts);
		for (int k = 0; row_n == n_cuts && k < n_cuts; k++)
			if (DatumGetBool(DirectFunctionCall2(numeric_ne, NumericGetDatum(cuts[k]), NumericGetDatum(row_cuts[k]))))
				row_n = -1;
		if (row_n != n_cuts)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cuts must be the same for all rows of a partition"),
					 errdetail("Row " INT64_FORMAT " of the partition has other cuts than the first.", i + 1)));
	}
	return n_cuts;
}

static void
classify_partition(FunctionCallInfo fcinfo, WindowObject window, void *results, int64 n)
{
	CustomerTier *tier = results;	/* by row; 0: NULL */
	Numeric		cuts[ABC_MAX_CUTS];
	int64		floor_at[ABC_MAX_CUTS];
	int			n_cuts = partition_cuts(fcinfo, window, n, cuts);
	int64		j = 0;
	bool		any_positive;
	ValueSet	set;
	ValueSet	sorted;

	value_set_init(&set, value_type_of_call(fcinfo, NUMERICOID, InvalidOid), CurrentMemoryContext);
	for (int64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = partition_argument(window, 0, i, &isnull);

		CHECK_FOR_INTERRUPTS();
		tier[i] = isnull ? 0 : TIER_A;
		if (isnull)
			continue;
		value_set_add(&set, value);
		if (!set.keyed && numeric_is_inf(DatumGetNumeric(value)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cannot take shares of an infinite value"),
					 errdetail("The values contain %s.", exact_text(DatumGetNumeric(value))),
					 errhint("Leave such rows out, or turn the value into NULL.")));
	}

	value_set_copy(&sorted, &set);
	value_set_sort(&sorted);
	any_positive = find_floors(&sorted, cuts, n_cuts, floor_at);
	for (int64 i = 0; i < n; i++)
	{
		int			k = 0;

		if (tier[i] == 0)
			continue;
		while (k < n_cuts && (!any_positive || value_set_compare(&set, j, &sorted, floor_at[k]) < 0))
			k++;
		tier[i] = TIER_A + k;
		j++;
	}
}

Datum
custprio_abc_class(PG_FUNCTION_ARGS)
{
	CustomerTier tier = *(CustomerTier *) partition_result(fcinfo, sizeof(CustomerTier), classify_partition, NULL);

	if (tier == 0)
		PG_RETURN_NULL();
	PG_RETURN_CUSTOMER_TIER(tier);
}
