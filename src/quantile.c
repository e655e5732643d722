/*
 * quantile.c: quantile breaks and quantile scores.
 *
 * A break is the discrete quantile i/bins of all values (percentile_disc, with i/bins taken as the fraction it is
 * rather than as the nearest double), and a value's score is 1 + the number of breaks strictly below it. So equal
 * values always get equal scores, which ntile() does not give, and breaks taken once can score any number of rows
 * later. There are always bins - 1 breaks; a break that equals the largest value is replaced by the next smaller
 * distinct one, or else many ties at the top would leave the highest score to nobody.
 *
 * quantile_breaks() collects a group's values and sorts them once; score_by() is a binary search with everything
 * about its breaks kept between calls; quantile_score() is both over a window's whole partition.
 */
#include "quantile.h"

#include "catalog/pg_type.h"
#include "exact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "valueset.h"

PG_FUNCTION_INFO_V1(custprio_quantile_breaks_transition);
PG_FUNCTION_INFO_V1(custprio_quantile_breaks_combine);
PG_FUNCTION_INFO_V1(custprio_quantile_breaks_serialize);
PG_FUNCTION_INFO_V1(custprio_quantile_breaks_deserialize);
PG_FUNCTION_INFO_V1(custprio_quantile_breaks_final);
PG_FUNCTION_INFO_V1(custprio_score_by);
PG_FUNCTION_INFO_V1(custprio_quantile_score);

/*
 * Over dense ranks
 */

void
quantile_breaks_ranked(const int64 *count, int32 d, int bins, int32 *breaks)
{
	int64		n = 0;
	int64		below = 0;		/* values of lower rank than the current one */
	int32		rank = 0;

	for (int32 i = 0; i < d; i++)
		n += count[i];
	for (int i = 1; i < bins; i++)
	{
		int64		position = quantile_position(i, n, bins);

		while (below + count[rank] <= position)
			below += count[rank++];
		breaks[i - 1] = rank == d - 1 && d > 1 ? d - 2 : rank;
	}
}

void
quantile_check_bins(int bins)
{
	if (bins < 1 || bins > QUANTILE_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bins out of range"),
				 errdetail("Got %d bins.", bins),
				 errhint("Use 1 to %d bins.", QUANTILE_MAX_BINS)));
}

static void
refuse_null_bins(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("number of bins must not be NULL")));
}

static void
refuse_other_bins(int bins, int other)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("number of bins must be the same for all rows of a group"),
			 errdetail("Found both %d and %d.", bins, other)));
}

/*
 * Over sorted values
 */

/* Positions of the bins - 1 breaks in a sorted set that is not empty. */
static void
find_breaks(const ValueSet *sorted, int bins, int64 *position)
{
	int64		last = sorted->n - 1;
	int64		low = 0;
	int64		high = last;

	/* the first of the values that equal the largest */
	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (value_set_compare(sorted, middle, sorted, last) < 0)
			low = middle + 1;
		else
			high = middle;
	}

	for (int i = 1; i < bins; i++)
	{
		int64		at = quantile_position(i, sorted->n, bins);

		if (low > 0)
			at = Min(at, low - 1);
		position[i - 1] = at;
	}
}

/*
 * quantile_breaks(value, bins): the transition state
 */

typedef struct BreaksState
{
	int32		bins;
	bool		sorted;
	ValueSet	set;
} BreaksState;

static MemoryContext
aggregate_memory(FunctionCallInfo fcinfo)
{
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside of an aggregate"),
				 errhint("Call the aggregate custprio.quantile_breaks instead.")));
	return memory;
}

static BreaksState *
breaks_state_new(const ValueType *type, int bins, MemoryContext memory)
{
	BreaksState *state = MemoryContextAllocZero(memory, sizeof(BreaksState));

	state->bins = bins;
	value_set_init(&state->set, type, memory);
	return state;
}

Datum
custprio_quantile_breaks_transition(PG_FUNCTION_ARGS)
{
	MemoryContext memory = aggregate_memory(fcinfo);
	BreaksState *state = PG_ARGISNULL(0) ? NULL : (BreaksState *) PG_GETARG_POINTER(0);

	if (PG_ARGISNULL(2))
		refuse_null_bins();
	if (state == NULL)
	{
		Oid			declared = get_fn_expr_argtype(fcinfo->flinfo, 1);

		quantile_check_bins(PG_GETARG_INT32(2));
		state = breaks_state_new(value_type_of_call(fcinfo, declared, PG_GET_COLLATION()), PG_GETARG_INT32(2), memory);
	}
	else if (state->bins != PG_GETARG_INT32(2))
		refuse_other_bins(state->bins, PG_GETARG_INT32(2));

	if (!PG_ARGISNULL(1))
	{
		value_set_add(&state->set, PG_GETARG_DATUM(1));
		state->sorted = false;
	}
	PG_RETURN_POINTER(state);
}

Datum
custprio_quantile_breaks_combine(PG_FUNCTION_ARGS)
{
	MemoryContext memory = aggregate_memory(fcinfo);
	BreaksState *state = PG_ARGISNULL(0) ? NULL : (BreaksState *) PG_GETARG_POINTER(0);
	BreaksState *other = PG_ARGISNULL(1) ? NULL : (BreaksState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = breaks_state_new(other->set.type, other->bins, memory);
	else if (state->bins != other->bins)
		refuse_other_bins(state->bins, other->bins);

	value_set_merge(&state->set, &other->set);
	state->sorted = false;
	PG_RETURN_POINTER(state);
}

Datum
custprio_quantile_breaks_serialize(PG_FUNCTION_ARGS)
{
	BreaksState *state = (BreaksState *) PG_GETARG_POINTER(0);

	(void) aggregate_memory(fcinfo);
	PG_RETURN_BYTEA_P(value_set_serialize(&state->set, state->bins));
}

Datum
custprio_quantile_breaks_deserialize(PG_FUNCTION_ARGS)
{
	BreaksState *state = palloc0(sizeof(BreaksState));

	(void) aggregate_memory(fcinfo);
	state->bins = value_set_deserialize(&state->set, PG_GETARG_BYTEA_PP(0), fcinfo);
	PG_RETURN_POINTER(state);
}

Datum
custprio_quantile_breaks_final(PG_FUNCTION_ARGS)
{
	BreaksState *state = PG_ARGISNULL(0) ? NULL : (BreaksState *) PG_GETARG_POINTER(0);
	const ValueType *type;
	int64	   *position;
	Datum	   *breaks;
	int			n_breaks;

	(void) aggregate_memory(fcinfo);
	if (state == NULL || state->set.n == 0)
		PG_RETURN_NULL();

	/* sorting in place changes the order of a set, not the set: a window may go on adding to it */
	if (!state->sorted)
		value_set_sort(&state->set);
	state->sorted = true;

	type = state->set.type;
	n_breaks = state->bins - 1;
	if (n_breaks == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type->type));
	position = palloc(n_breaks * sizeof(int64));
	breaks = palloc(n_breaks * sizeof(Datum));
	find_breaks(&state->set, state->bins, position);
	for (int i = 0; i < n_breaks; i++)
		breaks[i] = value_set_get(&state->set, position[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(breaks, n_breaks, type->type, type->length, type->by_value, type->align));
}

/*
 * score_by(value, breaks)
 */

typedef struct ScoreCache
{
	ValueType	type;
	MemoryContext memory;		/* of everything below; reset when the breaks change */
	bool		constant;		/* the breaks are a constant of the query */
	ArrayType  *array;
	int			n;
	Datum	   *breaks;
	int64	   *keys;			/* NULL: compare datums */
	int			scale;			/* of the keys, when numeric */
} ScoreCache;

/* Check the breaks and keep them in a form that is quick to search. */
static void
load_breaks(ScoreCache *cache, ArrayType *array)
{
	const ValueType *type = &cache->type;
	MemoryContext old;
	ValueSet	set;
	bool	   *nulls;

	MemoryContextReset(cache->memory);
	cache->array = NULL;		/* in case of an error below */
	old = MemoryContextSwitchTo(cache->memory);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("breaks must be a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	array = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(array));
	deconstruct_array(array, ARR_ELEMTYPE(array), type->length, type->by_value, type->align,
					  &cache->breaks, &nulls, &cache->n);

	value_set_init(&set, type, cache->memory);
	for (int i = 0; i < cache->n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("breaks must not contain NULL"),
					 errdetail("Element %d is NULL.", i + 1)));
		value_set_add(&set, cache->breaks[i]);
		if (i > 0 && value_compare(type, cache->breaks[i - 1], cache->breaks[i]) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("breaks must be in ascending order"),
					 errdetail("Element %d is smaller than the one before it.", i + 1),
					 errhint("Take breaks from custprio.quantile_breaks, or sort them.")));
	}
	cache->keys = set.keyed ? set.at.keys : NULL;
	cache->scale = set.scale;
	cache->array = array;
	MemoryContextSwitchTo(old);
}

static ScoreCache *
score_cache(FunctionCallInfo fcinfo, ArrayType *array)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	ScoreCache *cache = (ScoreCache *) flinfo->fn_extra;

	if (cache == NULL)
	{
		Oid			declared = get_fn_expr_argtype(flinfo, 0);
		Node	   *call = flinfo->fn_expr;

		if (!OidIsValid(declared))
			declared = ARR_ELEMTYPE(array); /* called from C, without an expression */
		cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ScoreCache));
		value_type_init(&cache->type, declared, PG_GET_COLLATION(), flinfo->fn_mcxt);
		cache->memory = AllocSetContextCreate(flinfo->fn_mcxt, "custprio breaks", ALLOCSET_SMALL_SIZES);

		/* a parameter would not do: PL/pgSQL runs one expression with changing ones */
		if (call != NULL && IsA(call, FuncExpr) && list_length(((FuncExpr *) call)->args) == 2)
			cache->constant = IsA(lsecond(((FuncExpr *) call)->args), Const);
		flinfo->fn_extra = cache;
	}
	if (cache->array == NULL ||
		(!cache->constant &&
		 (VARSIZE(array) != VARSIZE(cache->array) ||
		  memcmp(array, cache->array, VARSIZE(array)) != 0)))
		load_breaks(cache, array);
	return cache;
}

/* Number of keys below the given one. */
static int
keys_below(const int64 *keys, int n, int64 key)
{
	int			low = 0;

	while (n > 0)
	{
		int			half = n / 2;

		if (keys[low + half] < key)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return low;
}

static int
datums_below(const ValueType *type, const Datum *breaks, int n, Datum value)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (value_compare(type, breaks[middle], value) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The key that splits breaks of the given scale as the numeric does: rounded up when the value is finer. False when
 * the value cannot be taken apart.
 */
static bool
numeric_search_key(Datum value, int scale, int64 *key)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
	int64		mantissa;
	int			own_scale;

	if (!exact_from_packed(packed, &mantissa, &own_scale))
		return false;
	if (own_scale <= scale)
		return exact_rescale(mantissa, scale - own_scale, key);

	*key = mantissa / exact_pow10[own_scale - scale];
	if (mantissa > 0 && mantissa % exact_pow10[own_scale - scale] != 0)
		*key += 1;
	return true;
}

Datum
custprio_score_by(PG_FUNCTION_ARGS)
{
	Datum		value = PG_GETARG_DATUM(0);
	ScoreCache *cache = score_cache(fcinfo, PG_GETARG_ARRAYTYPE_P(1));
	const ValueType *type = &cache->type;
	int64		key;

	/* the quick way for numerics refuses NaN by itself */
	if (type->kind == VALUE_NUMERIC && cache->keys != NULL && numeric_search_key(value, cache->scale, &key))
		PG_RETURN_INT32(1 + keys_below(cache->keys, cache->n, key));
	value_refuse_nan(type, value);
	if (type->kind != VALUE_NUMERIC && cache->keys != NULL)
		PG_RETURN_INT32(1 + keys_below(cache->keys, cache->n, value_to_key(type, value)));
	PG_RETURN_INT32(1 + datums_below(type, cache->breaks, cache->n, value));
}

/*
 * quantile_score(value, bins) OVER (...)
 */

void
quantile_score_set(const ValueSet *set, int bins, int16 *score)
{
	int64	   *position;
	ValueSet	sorted;

	value_set_copy(&sorted, set);
	value_set_sort(&sorted);
	position = palloc(bins * sizeof(int64));
	if (set->n > 0)
		find_breaks(&sorted, bins, position);
	for (int64 i = 0; i < set->n; i++)
	{
		int			low = 0;
		int			high = bins - 1;

		while (low < high)
		{
			int			middle = (low + high) / 2;

			if (value_set_compare(&sorted, position[middle], set, i) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		score[i] = 1 + low;
	}
}

int
quantile_bins_of_partition(FunctionCallInfo fcinfo, WindowObject window, int arg, int64 n)
{
	bool		stable = get_fn_expr_arg_stable(fcinfo->flinfo, arg);
	int			bins = 0;

	for (int64 i = 0; i < (stable ? Min(n, 1) : n); i++)
	{
		bool		isnull;
		int			row_bins = DatumGetInt32(partition_argument(window, arg, i, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			refuse_null_bins();
		if (i == 0)
			quantile_check_bins(bins = row_bins);
		else if (row_bins != bins)
			refuse_other_bins(bins, row_bins);
	}
	return bins;
}

static void
score_partition(FunctionCallInfo fcinfo, WindowObject window, void *results, int64 n)
{
	int16	   *score = results;	/* by row; 0: NULL */
	int			bins = quantile_bins_of_partition(fcinfo, window, 1, n);
	int64		known = 0;
	int16	   *scored;
	ValueSet	set;

	value_set_init(&set,
				   value_type_of_call(fcinfo, get_fn_expr_argtype(fcinfo->flinfo, 0), PG_GET_COLLATION()),
				   CurrentMemoryContext);
	for (int64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = partition_argument(window, 0, i, &isnull);

		CHECK_FOR_INTERRUPTS();
		score[i] = !isnull;
		if (!isnull)
			value_set_add(&set, value);
	}
	scored = MemoryContextAllocHuge(CurrentMemoryContext, set.n * sizeof(int16));
	quantile_score_set(&set, bins, scored);
	for (int64 i = 0; i < n; i++)
		if (score[i] > 0)
			score[i] = scored[known++];
}

Datum
custprio_quantile_score(PG_FUNCTION_ARGS)
{
	int16		score = *(int16 *) partition_result(fcinfo, sizeof(int16), score_partition,
													"Take breaks with custprio.quantile_breaks and score with custprio.score_by.");

	if (score == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(score);
}
