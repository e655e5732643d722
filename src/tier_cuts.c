/*
 * tier_cuts.c: where tiers begin, and the tier that each buyer's score reaches.
 *
 * By share, by capacity and by cumulative share, the cuts are measured on all buyers once an epoch; by priority they
 * are given. With margins each cut has two more, at which the tier is entered and left. All are written down as values
 * of the priority or the metric, so that an incremental refresh places a customer without looking at the others.
 * Where segments have thresholds of their own, so have they shares; a capacity is the scorecard's, for all of them.
 */
#include "custprio.h"

#include "thresholds_take.h"
#include "tier_cuts.h"

#include "exact.h"
#include "tier_policy.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* How many buyers have each priority, from 0 to PRIORITY_MAX. */
static int64 *
count_priorities(const Buyers *buyers)
{
	Size		size = (PRIORITY_MAX + 1) * sizeof(int64);
	int64	   *count = MemoryContextAllocHuge(CurrentMemoryContext, size);

	memset(count, 0, size);
	for (int32 i = 0; i < buyers->n; i++)
		count[buyers->buyer[i]->priority]++;
	return count;
}

static char **
cut_texts(int32 *lowest, int n)
{
	char	  **cuts = palloc0((n + 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		if (lowest[i] >= 0)
			cuts[i] = exact_text(exact_to_numeric(lowest[i], PRIORITY_SCALE));
	thresholds_fill_empty_cuts(cuts, n);
	return cuts;
}

/*
 * The smallest priority of each tier but the last. A buyer is in the best tier whose share exceeds the share of buyers
 * with strictly higher priority.
 */
static char **
cut_by_share(const Scorecard *card, const Buyers *buyers, const int64 *count, const Numeric *share)
{
	int			n_cuts = card->n_tiers - 1;
	int32	   *lowest = palloc((n_cuts + 1) * sizeof(int32));
	int64	   *mantissa = palloc((n_cuts + 1) * sizeof(int64));
	int		   *scale = palloc((n_cuts + 1) * sizeof(int));
	int64		higher = 0;
	int			tier = 0;

	for (int i = 0; i < n_cuts; i++)
	{
		lowest[i] = -1;
		if (!exact_from_numeric(share[i], &mantissa[i], &scale[i]))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("share of tier %c of scorecard \"%s\" has too many decimals",
							tier_letter(card->tier[i]), card->name)));
	}
	for (int32 priority = PRIORITY_MAX; priority >= 0; priority--)
	{
		if (count[priority] == 0)
			continue;
		while (tier < n_cuts &&
			   (int128) higher * exact_pow10[scale[tier]] >= (int128) mantissa[tier] * buyers->n)
			tier++;
		if (tier == n_cuts)
			break;
		lowest[tier] = priority;
		higher += count[priority];
	}
	return cut_texts(lowest, n_cuts);
}

/*
 * The same where each tier has room for so many: buyers of equal priority who do not all fit go on to the next tier
 * with room for them.
 */
static char **
cut_by_capacity(const Scorecard *card, const int64 *count)
{
	int			n_cuts = card->n_tiers - 1;
	int32	   *lowest = palloc((n_cuts + 1) * sizeof(int32));
	int64		taken = 0;
	int			tier = 0;

	for (int i = 0; i < n_cuts; i++)
		lowest[i] = -1;
	for (int32 priority = PRIORITY_MAX; priority >= 0; priority--)
	{
		if (count[priority] == 0)
			continue;
		while (tier < n_cuts &&
			   taken + count[priority] > DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(card->tier_cut[tier]))))
		{
			tier++;
			taken = 0;
		}
		if (tier == n_cuts)
			break;
		lowest[tier] = priority;
		taken += count[priority];
	}
	return cut_texts(lowest, n_cuts);
}

/* The cuts moved by a margin, up with operation numeric_add. NULL: as they are. */
static Numeric *
moved_cuts(const Scorecard *card, PGFunction operation, Numeric margin)
{
	Numeric    *moved = palloc(card->n_tiers * sizeof(Numeric));

	if (margin == NULL)
		return card->tier_cut;
	for (int i = 0; i < card->n_tiers - 1; i++)
		moved[i] = exact_op(operation, card->tier_cut[i], margin);
	return moved;
}

/* Priorities moved by a margin in points. */
static char **
moved_texts(char **cuts, int n, PGFunction operation, Numeric margin)
{
	char	  **moved = palloc((n + 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		moved[i] = margin == NULL ? cuts[i] :
			exact_text(exact_op(operation, DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(cuts[i]),
																				 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1))),
								  margin));
	return moved;
}

/* What tiers are cut on: a metric (metric_that_adds_up) when cumulated, -1 for the priority. */
static int
cut_metric(const Scorecard *card, const CustomerSet *set)
{
	int			metric = -1;

	if (card->tier_policy->method != TIERS_BY_CUMULATIVE)
		return -1;
	metric = metric_that_adds_up(card, card->tier_policy->metric);
	if (metric < 0 || (metric == METRIC_CLV && !set->has_clv))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot cut the tiers of scorecard \"%s\" by %s", card->name, card->tier_policy->metric),
				 errdetail("There are no values of it in this refresh."),
				 errhint("Cut tiers by another metric with set_tiers, or see in custprio.clv_fit why there is no fit.")));
	return metric;
}

bool
tier_cuts_complete(Thresholds *thresholds, const Scorecard *card)
{
	const TierPolicy *policy = card->tier_policy;
	const char *on = policy->method == TIERS_BY_CUMULATIVE ? policy->metric : "priority";
	Breaks	   *cuts = thresholds_find(thresholds, on, BREAKS_TIER);

	if (policy->method == TIERS_BY_RULES)
		return true;
	if (policy->enter_margin || policy->leave_margin)
		if (thresholds_find(thresholds, on, BREAKS_TIER_ENTER) == NULL ||
			thresholds_find(thresholds, on, BREAKS_TIER_LEAVE) == NULL)
			return false;
	return cuts && cuts->n == card->n_tiers - 1;
}

/* The cuts of all buyers, or of those of a segment. */
static void
take_cuts(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers, int metric)
{
	const TierPolicy *policy = card->tier_policy;
	int			n_cuts = card->n_tiers - 1;
	bool		margins = policy->enter_margin || policy->leave_margin;
	Numeric    *enter = margins ? moved_cuts(card, numeric_sub, policy->enter_margin) : NULL;
	Numeric    *leave = margins ? moved_cuts(card, numeric_add, policy->leave_margin) : NULL;
	const char *on = "priority";
	int64	   *count;
	char	  **cuts = NULL;
	char	  **enter_cuts = NULL;
	char	  **leave_cuts = NULL;

	if (metric >= 0)
	{
		on = metric_name_of(card, metric);
		cuts = thresholds_cumulative_cuts(card, buyers, metric, card->tier_cut, n_cuts);
		enter_cuts = margins ? thresholds_cumulative_cuts(card, buyers, metric, enter, n_cuts) : NULL;
		leave_cuts = margins ? thresholds_cumulative_cuts(card, buyers, metric, leave, n_cuts) : NULL;
	}
	else
	{
		count = count_priorities(buyers);
		if (policy->method == TIERS_BY_SHARE)
			cuts = cut_by_share(card, buyers, count, card->tier_cut);
		else if (policy->method == TIERS_BY_CAPACITY)
			cuts = cut_by_capacity(card, count);
		else
		{
			cuts = palloc((n_cuts + 1) * sizeof(char *));
			for (int i = 0; i < n_cuts; i++)
				cuts[i] = exact_text(card->tier_cut[i]);
		}
		if (margins && policy->margin_in_shares)
		{
			enter_cuts = cut_by_share(card, buyers, count, enter);
			leave_cuts = cut_by_share(card, buyers, count, leave);
		}
		else if (margins)
		{
			enter_cuts = moved_texts(cuts, n_cuts, numeric_add, policy->enter_margin);
			leave_cuts = moved_texts(cuts, n_cuts, numeric_sub, policy->leave_margin);
		}
		pfree(count);
	}
	thresholds_add(thresholds, on, BREAKS_TIER, n_cuts, cuts);
	if (margins)
	{
		thresholds_add(thresholds, on, BREAKS_TIER_ENTER, n_cuts, enter_cuts);
		thresholds_add(thresholds, on, BREAKS_TIER_LEAVE, n_cuts, leave_cuts);
	}
}

void
tier_cuts_take(Thresholds *thresholds, const Scorecard *card, const Buyers *buyers)
{
	TierMethod	method = card->tier_policy->method;
	int			metric = cut_metric(card, buyers->set);

	if (method == TIERS_BY_RULES)
		return;
	take_cuts(thresholds, card, buyers, metric);
	if (method != TIERS_BY_SHARE && method != TIERS_BY_CUMULATIVE)
		return;
	for (int i = 0; i < thresholds->n_segments; i++)
	{
		take_cuts(&thresholds->segment[i].own, card, &thresholds->segment[i].buyers, metric);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The three cuts of a ladder; margins may be NULL. */
typedef struct Cuts
{
	Breaks	   *scored;
	Breaks	   *enter;
	Breaks	   *leave;
} Cuts;

static Cuts
find_cuts(Thresholds *thresholds, Thresholds *own, const char *on)
{
	return (Cuts) {
		thresholds_find_for(thresholds, own, on, BREAKS_TIER), thresholds_find_for(thresholds, own, on, BREAKS_TIER_ENTER),
		thresholds_find_for(thresholds, own, on, BREAKS_TIER_LEAVE)
	};
}

void
tier_cuts_apply(Thresholds *thresholds, Thresholds **own, const Scorecard *card, CustomerSet *set, int64 *reached)
{
	int			metric = cut_metric(card, set);
	const char *on = metric >= 0 ? metric_name_of(card, metric) : "priority";
	uint32		n_segments = set->segments ? set->segments->n : 0;
	Cuts		all = find_cuts(thresholds, NULL, on);
	Cuts	   *of_segment;

	if (card->tier_policy->method == TIERS_BY_RULES)
		return;
	Assert(tier_cuts_complete(thresholds, card));
	of_segment = MemoryContextAllocHuge(CurrentMemoryContext, (n_segments + 1) * sizeof(Cuts));
	for (uint32 id = 0; id < n_segments; id++)
		of_segment[id] = own[id] ? find_cuts(thresholds, own[id], on) : all;
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);
		const Cuts *cuts = customer->segment == KEYMAP_NONE ? &all : &of_segment[customer->segment];
		int64		value;

		if (customer->stage != STAGE_BUYER)
			continue;
		value = metric >= 0 ? metric_value(customer, metric) : customer->priority;
		customer->tier = card->tier[class_by_cuts(cuts->scored, value, customer->wide_revenue) - 1];
		customer->enter_tier = customer->leave_tier = customer->tier;
		if (cuts->enter)
			customer->enter_tier = card->tier[class_by_cuts(cuts->enter, value, customer->wide_revenue) - 1];
		if (cuts->leave)
			customer->leave_tier = card->tier[class_by_cuts(cuts->leave, value, customer->wide_revenue) - 1];
		reached[customer->tier]++;
	}
}
