/*
 * lifecycle.c: the stage of a customer's life, by the customer's own rhythm.
 *
 * The rhythm is the gaps between purchase days. A pause is unusual when it is longer than a high quantile of the
 * customer's own gaps or, for customers with few of them, of the gaps of all buyers together, which the epoch keeps.
 * All follows from the purchase days, P(alive) and the as-of day, none of which moves within an epoch unless the
 * customer buys.
 */
#include "custprio.h"

#include "lifecycle.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"

#define GAPS_COUNTED	(LIFECYCLE_DAYS_MAX + 1)	/* longer gaps count as this long */

const char *
lifecycle_stage_name(LifecycleStage stage)
{
	static const char *const names[LIFE_STAGES] = {
		"prospect", "returns_only", "new", "active", "growing", "declining", "dormant", "lost", "reactivated"
	};

	return names[stage];
}

const char *
relationship_name(Relationship relationship)
{
	static const char *const names[RELATIONSHIPS] = {"loyal", "potential", "churned"};

	return names[relationship];
}

static void
read_rules(HeapTuple row, TupleDesc desc, void *arg)
{
	Lifecycle  *rules = arg;
	bool		isnull;

	rules->new_days = DatumGetInt32(heap_getattr(row, 1, desc, &isnull));
	rules->minimum_gaps = DatumGetInt32(heap_getattr(row, 2, desc, &isnull));
	rules->quantile = DatumGetFloat8(heap_getattr(row, 3, desc, &isnull));
	rules->lost_after = DatumGetFloat8(heap_getattr(row, 4, desc, &isnull));
	rules->period = DatumGetInt32(heap_getattr(row, 5, desc, &isnull));
	rules->change = DatumGetFloat8(heap_getattr(row, 6, desc, &isnull));
	rules->alive_below = DatumGetFloat8(heap_getattr(row, 7, desc, &isnull));
	rules->loyal_days = DatumGetInt32(heap_getattr(row, 8, desc, &isnull));
}

void
lifecycle_load(Scorecard *card)
{
	Lifecycle  *rules = palloc0(sizeof(Lifecycle));
	Oid			type = INT8OID;
	Datum		id = Int64GetDatum(card->id);

	card->lifecycle = catalog_select("SELECT new_days, minimum_gaps, rhythm_quantile, lost_after, period, change,"
									 " alive_below, loyal_days FROM custprio.lifecycle WHERE scorecard_id = $1",
									 1, &type, &id, NULL, read_rules, rules) > 0 ? rules : NULL;
}

/* How many of n ascending values the discrete quantile q reaches: it is the last of them. */
static int64
quantile_position(double q, int64 n)
{
	return Max((int64) ceil(q * n - 1e-9), 1);
}

void
lifecycle_take(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set)
{
	int64	   *count;
	int64		n = 0;
	int64		reached = 0;
	int			gap = 0;
	char	  **text = palloc(sizeof(char *));

	if (card->lifecycle == NULL)
		return;
	count = palloc0((GAPS_COUNTED + 1) * sizeof(int64));
	for (uint32 id = 0; id < set->map->n; id++)
	{
		const Customer *customer = customer_at(set, id);

		for (int32 i = 1; customer->days && i <= customer->repeat_days; i++)
		{
			count[Min((int64) customer->days[i] - customer->days[i - 1], GAPS_COUNTED)]++;
			n++;
		}
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	/* without a single gap, a period without purchase is as unusual as can be told */
	if (n == 0)
		gap = card->lifecycle->period;
	else
		while ((reached += count[gap]) < quantile_position(card->lifecycle->quantile, n))
			gap++;
	text[0] = psprintf("%d", gap);
	thresholds_add(thresholds, LIFECYCLE_METRIC, BREAKS_LIFECYCLE, 1, text);
	pfree(count);
}

bool
lifecycle_complete(Thresholds *thresholds, const Scorecard *card)
{
	return card->lifecycle == NULL || thresholds_find(thresholds, LIFECYCLE_METRIC, BREAKS_LIFECYCLE) != NULL;
}

#define ST_SORT sort_gaps
#define ST_ELEMENT_TYPE int32
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* The gap, among the first n of a customer, from which on one is unusual; usual_gap for customers with too few. */
static int32
unusual_gap(const Lifecycle *rules, const Customer *customer, int32 n, int32 usual_gap)
{
	int32	   *gaps;
	int32		gap;

	if (n < rules->minimum_gaps || n < 1)
		return usual_gap;
	gaps = palloc(n * sizeof(int32));
	for (int32 i = 0; i < n; i++)
		gaps[i] = customer->days[i + 1] - customer->days[i];
	sort_gaps(gaps, n);
	gap = gaps[quantile_position(rules->quantile, n) - 1];
	pfree(gaps);
	return gap;
}

/* Purchase days from after one day up to another. */
static int32
days_within(const Customer *customer, int64 after, int64 until)
{
	int32		n = 0;

	for (int32 i = customer->repeat_days; i >= 0 && customer->days[i] > after; i--)
		if (customer->days[i] <= until)
			n++;
	return n;
}

LifecycleStage
lifecycle_stage(const Lifecycle *rules, const Customer *customer, bool has_clv, int32 usual_gap, DateADT as_of)
{
	int32		repeats = customer->repeat_days;
	int64		pause = (int64) as_of - customer->last_day;
	int32		unusual;
	int32		recent;
	int32		before;

	if (customer->stage != STAGE_BUYER)
		return customer->stage == STAGE_PROSPECT ? LIFE_PROSPECT : LIFE_RETURNS_ONLY;
	unusual = unusual_gap(rules, customer, repeats, usual_gap);
	if (pause > unusual * rules->lost_after || (has_clv && customer->p_alive < rules->alive_below * ALIVE_ONE))
		return LIFE_LOST;
	if (pause > unusual)
		return LIFE_DORMANT;
	if ((int64) as_of - customer->first_day <= rules->new_days)
		return LIFE_NEW;
	if (repeats > 0 && pause <= rules->new_days &&
		customer->last_day - customer->days[repeats - 1] > unusual_gap(rules, customer, repeats - 1, usual_gap))
		return LIFE_REACTIVATED;
	if ((int64) as_of - customer->first_day < 2 * (int64) rules->period)
		return LIFE_ACTIVE;
	recent = days_within(customer, (int64) as_of - rules->period, as_of);
	before = days_within(customer, (int64) as_of - 2 * (int64) rules->period, (int64) as_of - rules->period);
	if (recent > before * (1 + rules->change))
		return LIFE_GROWING;
	if (recent < before * (1 - rules->change))
		return LIFE_DECLINING;
	return LIFE_ACTIVE;
}

Relationship
lifecycle_relationship(const Lifecycle *rules, const Customer *customer, LifecycleStage stage)
{
	if (stage == LIFE_LOST || stage == LIFE_DORMANT)
		return RELATION_CHURNED;
	return customer->stage == STAGE_BUYER && stage != LIFE_NEW && customer->repeat_days + 1 >= rules->loyal_days ?
		RELATION_LOYAL : RELATION_POTENTIAL;
}
