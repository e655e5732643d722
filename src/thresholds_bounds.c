/*
 * thresholds_bounds.c: breaks and cuts as they are written down, made comparable with the values of customers at hand.
 */
#include "custprio.h"

#include "thresholds_bounds.h"

#include "exact.h"
#include "metric.h"
#include "tier_cuts.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

#define SCORES_MOST 65536		/* values that a list of scores may cover */

/* A numeric as an integer of the given scale, rounded down or up, and kept within 64 bits. */
static int64
bound_of(Numeric num, int scale, bool up)
{
	Numeric		scaled;

	if (numeric_is_inf(num))
		return PG_INT64_MAX;
	scaled = exact_op(numeric_mul, num, int64_to_numeric(exact_pow10[scale]));
	scaled = DatumGetNumeric(DirectFunctionCall1(up ? numeric_ceil : numeric_floor, NumericGetDatum(scaled)));
	if (DatumGetBool(DirectFunctionCall2(numeric_ge, NumericGetDatum(scaled),
										 NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))))
		return PG_INT64_MAX;
	if (DatumGetBool(DirectFunctionCall2(numeric_le, NumericGetDatum(scaled),
										 NumericGetDatum(int64_to_numeric(PG_INT64_MIN)))))
		return PG_INT64_MIN;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(scaled)));
}

/* Days and frequencies lie in a narrow range: looking a score up is faster than searching for it. */
static void
list_scores(Breaks *breaks)
{
	int64		range;
	int			score = 1;

	if (breaks->n == 0 || breaks->bound[breaks->n - 1] >= PG_INT32_MAX || breaks->bound[0] <= PG_INT32_MIN)
		return;
	range = breaks->bound[breaks->n - 1] - breaks->bound[0] + 1;
	if (range > SCORES_MOST)
		return;
	breaks->score = palloc(range * sizeof(int16));
	breaks->n_scores = range;
	for (int64 i = 0; i < range; i++)
	{
		while (score <= breaks->n && breaks->bound[score - 1] < breaks->bound[0] + i)
			score++;
		breaks->score[i] = score;
	}
}

static void
prepare(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set)
{
	for (int i = 0; i < thresholds->n; i++)
	{
		Breaks	   *breaks = &thresholds->breaks[i];
		bool		money = strcmp(breaks->metric, metric_name(METRIC_MONETARY)) == 0;
		bool		day = strcmp(breaks->metric, metric_name(METRIC_RECENCY)) == 0;
		bool		cut = strcmp(breaks->kind, BREAKS_ABC) == 0 || tier_cut_kind(breaks->kind);
		int			added = metric_find(card, breaks->metric);
		int			scale = money ? set->scale : strcmp(breaks->metric, "priority") == 0 ? PRIORITY_SCALE :
			strcmp(breaks->metric, metric_name(METRIC_CLV)) == 0 ? CLV_SCALE(card) :
			added >= 0 ? card->added[added].decimals : 0;

		if (breaks->bound || breaks->wide_bound)
			continue;
		if (money && set->wide)
			breaks->wide_bound = palloc((breaks->n + 1) * sizeof(Numeric));
		else
			breaks->bound = palloc((breaks->n + 1) * sizeof(int64));
		for (int b = 0; b < breaks->n; b++)
		{
			Numeric		num;

			if (day)
			{
				breaks->bound[b] = DatumGetDateADT(DirectFunctionCall1(date_in, CStringGetDatum(breaks->text[b])));
				continue;
			}
			num = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(breaks->text[b]),
													  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			if (breaks->wide_bound)
				breaks->wide_bound[b] = num;
			else
				breaks->bound[b] = bound_of(num, scale, cut);
		}
		if (breaks->bound && (strcmp(breaks->kind, BREAKS_RFM) == 0 || strcmp(breaks->kind, BREAKS_PERCENTILE) == 0))
			list_scores(breaks);
	}
}

void
thresholds_prepare(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set)
{
	prepare(thresholds, card, set);
	for (int i = 0; i < thresholds->n_segments; i++)
		prepare(&thresholds->segment[i].own, card, set);
}
