/*
 * nested_score.c: nested_rfm_score() OVER (...), the RFM score with each digit within those before it.
 *
 * Independent digits, as quantile_score() gives three times, say where a customer stands among all; as recency,
 * frequency and monetary value go together, most of the codes are then rare. Nested ones (A. M. Hughes, "Strategic
 * Database Marketing", 1994; SPSS calls it nested binning) score frequency among customers of equal recency score, and
 * monetary value among those of equal recency and frequency scores, so that all codes are about equally frequent.
 */
#include "custprio.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "quantile.h"
#include "rfm_score.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_nested_rfm_score);

#define RFM_DIGITS	3

enum
{
	ARG_BINS = RFM_DIGITS
};

/* Score the values of each group, from 0 to groups - 1, among themselves. */
static void
score_groups(const ValueSet *set, const int16 *group, int groups, int bins, int16 *score)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "custprio group", ALLOCSET_DEFAULT_SIZES);
	int64	   *end = palloc0((groups + 1) * sizeof(int64));
	int64	   *member = MemoryContextAllocHuge(CurrentMemoryContext, set->n * sizeof(int64));

	/* the members of group g are those from end[g - 1] to end[g] once they are placed */
	for (int64 i = 0; i < set->n; i++)
		end[group[i] + 1]++;
	for (int g = 0; g < groups; g++)
		end[g + 1] += end[g];
	for (int64 i = 0; i < set->n; i++)
		member[end[group[i]]++] = i;
	for (int g = 0; g < groups; g++)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		int64		first = g == 0 ? 0 : end[g - 1];
		int64		n = end[g] - first;
		int16	   *own = MemoryContextAllocHuge(memory, n * sizeof(int16));
		ValueSet	values;

		value_set_init(&values, set->type, memory);
		for (int64 i = 0; i < n; i++)
			value_set_add(&values, value_set_get(set, member[first + i]));
		quantile_score_set(&values, bins, own);
		for (int64 i = 0; i < n; i++)
			score[member[first + i]] = own[i];
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(memory);
	pfree(member);
	pfree(end);
}

static void
score_partition(FunctionCallInfo fcinfo, WindowObject window, void *results, int64 n)
{
	RfmScore   *result = results;	/* by row; 0: NULL */
	int			bins = quantile_bins_of_partition(fcinfo, window, ARG_BINS, n);
	int			groups = 1;
	int64		known = 0;
	int16	   *digit[RFM_DIGITS];
	int16	   *group;
	ValueType	type[RFM_DIGITS];
	ValueSet	set[RFM_DIGITS];

	if (bins > RFM_MAX_DIGIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bins out of range"),
				 errdetail("Got %d bins.", bins),
				 errhint("The digits of an RFM score run from 1 to 9 at most.")));
	for (int d = 0; d < RFM_DIGITS; d++)
	{
		value_type_init(&type[d], get_fn_expr_argtype(fcinfo->flinfo, d), PG_GET_COLLATION(), CurrentMemoryContext);
		value_set_init(&set[d], &type[d], CurrentMemoryContext);
	}
	for (int64 i = 0; i < n; i++)
	{
		Datum		value[RFM_DIGITS];
		bool		isnull = false;

		CHECK_FOR_INTERRUPTS();
		for (int d = 0; d < RFM_DIGITS && !isnull; d++)
			value[d] = partition_argument(window, d, i, &isnull);
		result[i] = !isnull;
		for (int d = 0; d < RFM_DIGITS && !isnull; d++)
			value_set_add(&set[d], value[d]);
		known += !isnull;
	}

	group = MemoryContextAllocHuge(CurrentMemoryContext, known * sizeof(int16));
	memset(group, 0, known * sizeof(int16));
	for (int d = 0; d < RFM_DIGITS; d++)
	{
		digit[d] = MemoryContextAllocHuge(CurrentMemoryContext, known * sizeof(int16));
		score_groups(&set[d], group, groups, bins, digit[d]);
		for (int64 i = 0; i < known; i++)
			group[i] = group[i] * bins + digit[d][i] - 1;
		groups *= bins;
	}
	known = 0;
	for (int64 i = 0; i < n; i++)
		if (result[i] != 0)
		{
			result[i] = rfm_pack(digit[0][known], digit[1][known], digit[2][known]);
			known++;
		}
}

/* nested_rfm_score(last_purchase, frequency, monetary, bins) */
Datum
custprio_nested_rfm_score(PG_FUNCTION_ARGS)
{
	RfmScore	score = *(RfmScore *) partition_result(fcinfo, sizeof(RfmScore), score_partition, NULL);

	if (score == 0)
		PG_RETURN_NULL();
	PG_RETURN_RFM_SCORE(score);
}
