/*
 * customer_clv.c: P(alive), expected purchases and lifetime value of all customers, under the fit of an epoch.
 *
 * The statistics are those of the published models: x = purchase days less the first, t_x and t in whole days from the
 * first purchase to the last and to the as-of day, m = mean gross total of the repeat days; returns touch none of them.
 * Where a fit failed nobody gets a number: the metric then leaves the priority, and the run says why.
 *
 * With partition_by, each of the larger segments of customers has fits of its own beside the fit to all.
 *
 * A prediction is P(alive) times what an active customer will do, and the latter depends on x and t alone: it is
 * computed once for each pair. Numbers are rounded here, once, to what is published and scored.
 */
#include "custprio.h"

#include "customer_clv.h"

#include <math.h>

#include "clv/collapse.h"
#include "clv/gamma_gamma.h"
#include "clv/value.h"
#include "common/hashfn.h"
#include "exact.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* A value that, as published, would not fit an integer of this size is out of range. */
#define VALUE_LIMIT	9e15

typedef struct AliveEntry
{
	uint64		key;			/* x, and t in days */
	double		expected;		/* purchases in the horizon, of a customer who is alive */
	double		discounted;
	char		status;
} AliveEntry;

#define SH_PREFIX alive
#define SH_ELEMENT_TYPE AliveEntry
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) &(key), sizeof(uint64))
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

ClvHistory
customer_history(const Scorecard *card, const Customer *customer, DateADT as_of)
{
	double		days = clv_unit_days(card->clv_time_unit, true);

	return (ClvHistory) {
		.x = customer->repeat_days,
		.t_x = (customer->last_day - customer->first_day) / days,
		.t = (as_of - customer->first_day) / days,
		.weight = 1
	};
}

/* The histories of some customers. */
typedef struct Histories
{
	ClvCollapse *purchases;
	ClvCollapse *spend;
} Histories;

static void
histories_init(Histories *histories)
{
	histories->purchases = clv_collapse_create(CurrentMemoryContext);
	histories->spend = clv_collapse_create(CurrentMemoryContext);
}

static void
histories_add(Histories *histories, const ClvHistory *h, const Customer *customer)
{
	clv_collapse_add(histories->purchases, h->x, h->t_x, h->t, 1);
	if (h->x > 0 && customer->repeat_value > 0 && isfinite(customer->repeat_value))
		clv_collapse_add(histories->spend, h->x, customer->repeat_value, 0, 1);
}

static void
refuse_without_mean(ClvFit *spend)
{
	if (spend->converged && !gamma_gamma_has_mean(spend->params))
	{
		spend->converged = false;
		spend->status = "the fitted distribution of spend has no mean (q is not above 1)";
	}
}

static void
fit_histories(const Histories *histories, const ClvModel *model, ClvFit *purchases, ClvFit *spend)
{
	ClvHistory *rows;
	long		n;

	rows = clv_collapse_rows(histories->purchases, &n);
	clv_fit_anyhow(model, rows, n, purchases);
	rows = clv_collapse_rows(histories->spend, &n);
	clv_fit_anyhow(&clv_gamma_gamma, rows, n, spend);
	refuse_without_mean(spend);
}

/* A segment on the way to its fits. */
typedef struct Segment
{
	BuyerSegment of;
	Histories	histories;
} Segment;

static int
compare_names(const void *a, const void *b)
{
	return compare_segments(((const SegmentFit *) a)->segment, ((const SegmentFit *) b)->segment);
}

static inline bool
is_small(const Segment *segment)
{
	return segment->of.buyers < SEGMENT_LEAST_CUSTOMERS || segment->of.repeaters < SEGMENT_LEAST_REPEATERS;
}

/* Unlike the fit to all, without any penalty: there is a better answer to data that determine too little. */
static void
fit_segment(const Segment *segment, const ClvModel *model, SegmentFit *fit)
{
	ClvHistory *rows;
	long		n;

	if (is_small(segment))
	{
		fit->purchases = (ClvFit) {.model = model,.n = segment->of.buyers,.status = "too few customers"};
		fit->spend = (ClvFit) {.model = &clv_gamma_gamma,.n = segment->of.repeaters,.status = "too few customers"};
		return;
	}
	rows = clv_collapse_rows(segment->histories.purchases, &n);
	clv_fit(model, 0, rows, n, 0, &fit->purchases);
	rows = clv_collapse_rows(segment->histories.spend, &n);
	clv_fit(&clv_gamma_gamma, 0, rows, n, 0, &fit->spend);
	refuse_without_mean(&fit->spend);
}

/* Fits to each of the largest segments, into fit, which lives in a context of its own. */
static void
fit_segments(const Scorecard *card, const CustomerSet *set, DateADT as_of, EpochFit *fit, MemoryContext result)
{
	int			n;
	BuyerSegment *segments = customer_set_largest_segments(set, SEGMENTS_MAX, &n);
	Segment    *largest = palloc0((n + 1) * sizeof(Segment));
	Segment   **by_id = MemoryContextAllocExtended(CurrentMemoryContext, set->segments->n * sizeof(Segment *),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		largest[i].of = segments[i];
		if (is_small(&largest[i]))
			continue;
		by_id[segments[i].id] = &largest[i];
		histories_init(&largest[i].histories);
	}
	for (uint32 id = 0; id < set->map->n; id++)
	{
		const Customer *customer = customer_at(set, id);
		ClvHistory	h;

		if (customer->stage != STAGE_BUYER || customer->segment == KEYMAP_NONE || by_id[customer->segment] == NULL)
			continue;
		h = customer_history(card, customer, as_of);
		histories_add(&by_id[customer->segment]->histories, &h, customer);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	fit->segment = MemoryContextAllocZero(result, Max(n, 1) * sizeof(SegmentFit));
	fit->n_segments = n;
	for (int i = 0; i < n; i++)
	{
		fit->segment[i].segment = largest[i].of.name;
		fit_segment(&largest[i], card->clv_model, &fit->segment[i]);
	}
	qsort(fit->segment, n, sizeof(SegmentFit), compare_names);
}

EpochFit *
customer_clv_fit(const Scorecard *card, const CustomerSet *set, DateADT as_of)
{
	MemoryContext work;
	MemoryContext old;
	Histories	all;
	EpochFit   *fit;

	if (card->clv_model == NULL)
		return NULL;
	fit = palloc0(sizeof(EpochFit));
	fit->choice = card->clv_choice;
	work = AllocSetContextCreate(CurrentMemoryContext, "custprio epoch fit", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	histories_init(&all);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		const Customer *customer = customer_at(set, id);
		ClvHistory	h;

		if (customer->stage != STAGE_BUYER)
			continue;
		h = customer_history(card, customer, as_of);
		histories_add(&all, &h, customer);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	fit_histories(&all, card->clv_model, &fit->purchases, &fit->spend);
	if (set->segments && fit->purchases.converged && fit->spend.converged)
		fit_segments(card, set, as_of, fit, old);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return fit;
}

double
clv_horizon_days(const Scorecard *card, DateADT as_of)
{
	Timestamp	from = date2timestamp_no_overflow(as_of);
	Timestamp	until = DatumGetTimestamp(DirectFunctionCall2(date_pl_interval, DateADTGetDatum(as_of),
															  IntervalPGetDatum(card->clv_horizon)));

	return (until - from) / (double) USECS_PER_DAY;
}

/* What the customers of one segment, or all others, are predicted with. */
struct Predictor
{
	const ClvFit *purchases;
	const ClvFit *spend;
	double		horizon;
	double		rate;
	alive_hash *table;
};

Predictor *
predictor_create(const ClvFit *purchases, const ClvFit *spend, double horizon, double rate)
{
	Predictor  *predictor = palloc(sizeof(Predictor));

	*predictor = (Predictor) {purchases, spend, horizon, rate, alive_create(CurrentMemoryContext, 1024, NULL)};
	return predictor;
}

/* What a customer with so many repeat purchases, first t ago, will do if alive. */
static const AliveEntry *
if_alive(const Predictor *predictor, const ClvHistory *h, int days)
{
	const ClvModel *model = predictor->purchases->model;
	const double *params = predictor->purchases->params;
	uint64		key = ((uint64) h->x << 32) | (uint32) days;
	bool		found;
	AliveEntry *entry = alive_insert(predictor->table, key, &found);

	if (!found)
	{
		/* the history that leaves least doubt of being alive */
		ClvHistory	active = {.x = h->x,.t_x = h->x > 0 ? h->t : 0,.t = h->t,.weight = 1};
		double		alive = model->p_alive(params, &active, 0);

		entry->expected = model->expected_purchases(params, &active, predictor->horizon) / alive;
		entry->discounted = isnan(predictor->rate) ? 0 :
			clv_discounted_purchases(model, params, &active, predictor->horizon, predictor->rate) / alive;
		CHECK_FOR_INTERRUPTS();
	}
	return entry;
}

double
predictor_expected(const Predictor *predictor, const ClvHistory *h, int days)
{
	return predictor->purchases->model->p_alive(predictor->purchases->params, h, 0) *
		if_alive(predictor, h, days)->expected;
}

double
predictor_expected_new(const Predictor *predictor, double horizon)
{
	return predictor->purchases->model->expected_new(predictor->purchases->params, horizon);
}

double
predictor_value(const Predictor *predictor, const Customer *customer)
{
	return gamma_gamma_expected_value(predictor->spend->params, customer->repeat_value > 0 ? customer->repeat_days : 0,
									  customer->repeat_value);
}

/* Where a segment's fit of purchases or of spend did not converge, or there is none, the one to all counts. */
void
predictors_init(Predictors *predictors, const CustomerSet *set, const EpochFit *fit, double horizon, double rate)
{
	uint32		n = set->segments ? set->segments->n : 0;

	predictors->all = predictor_create(&fit->purchases, &fit->spend, horizon, rate);
	predictors->by_segment = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Predictor *));
	for (uint32 id = 0; id < n; id++)
		predictors->by_segment[id] = predictors->all;
	for (int i = 0; i < fit->n_segments; i++)
	{
		const SegmentFit *own = &fit->segment[i];
		Datum		name = PointerGetDatum(own->segment);
		uint32		id = n > 0 ? keymap_find(set->segments, name, keymap_hash(set->segments, name)) : KEYMAP_NONE;

		if (id == KEYMAP_NONE || !(own->purchases.converged || own->spend.converged))
			continue;
		predictors->by_segment[id] = predictor_create(own->purchases.converged ? &own->purchases : &fit->purchases,
													  own->spend.converged ? &own->spend : &fit->spend, horizon, rate);
	}
}

/* Say which fits are not plain maximum likelihood of their own customers. */
static void
warn_of_fits(const EpochFit *fit, List **warnings)
{
	int			pooled = 0;

	for (int i = 0; i < 2; i++)
	{
		const ClvFit *found = i == 0 ? &fit->purchases : &fit->spend;

		if (strcmp(found->status, "converged") != 0)
			*warnings = lappend(*warnings, psprintf("%s %s, because the data alone do not determine its parameters",
													found->model->name, found->status));
	}
	for (int i = 0; i < fit->n_segments; i++)
		pooled += !fit->segment[i].purchases.converged || !fit->segment[i].spend.converged;
	if (pooled > 0)
		*warnings = lappend(*warnings,
							psprintf("clv of %d of %d segments follows a fit to all customers; custprio.clv_fit says why",
									 pooled, fit->n_segments));
}

void
customer_clv_predict(const Scorecard *card, CustomerSet *set, const EpochFit *fit, DateADT as_of, List **warnings)
{
	Predictors	predictors;
	MemoryContext work;
	MemoryContext old;
	double		unit,
				scale;

	set->has_clv = false;
	if (card->clv_model == NULL || fit == NULL || set->n_buyers == 0)
		return;
	if (!fit->purchases.converged || !fit->spend.converged)
	{
		const ClvFit *failed = fit->purchases.converged ? &fit->spend : &fit->purchases;

		*warnings = lappend(*warnings, psprintf("no clv: %s could not be fitted: %s", failed->model->name,
												failed->status));
		return;
	}
	warn_of_fits(fit, warnings);

	unit = clv_unit_days(card->clv_time_unit, true);
	scale = pow(10, CLV_SCALE(card));
	work = AllocSetContextCreate(CurrentMemoryContext, "custprio predictions", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	predictors_init(&predictors, set, fit, clv_horizon_days(card, as_of) / unit,
					clv_discount_rate(card->clv_discount, card->clv_growth, unit));
	set->has_clv = true;
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);
		const Predictor *predictor;
		const AliveEntry *entry;
		ClvHistory	h;
		double		alive,
					value;

		if (customer->stage != STAGE_BUYER)
			continue;
		predictor = predictor_of(&predictors, customer->segment);
		h = customer_history(card, customer, as_of);
		entry = if_alive(predictor, &h, as_of - customer->first_day);
		alive = predictor->purchases->model->p_alive(predictor->purchases->params, &h, 0);
		value = card->clv_margin * alive * entry->discounted * predictor_value(predictor, customer);
		if (!(fabs(value * scale) < VALUE_LIMIT && alive * entry->expected * EXPECTED_ONE < VALUE_LIMIT))
		{
			set->has_clv = false;
			break;
		}
		customer->p_alive = (int32) rint(alive * ALIVE_ONE);
		customer->expected_purchases = (int64) rint(alive * entry->expected * EXPECTED_ONE);
		customer->clv = (int64) rint(value * scale);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	if (!set->has_clv)
		*warnings = lappend(*warnings, pstrdup("no clv: a value is out of range"));
}
