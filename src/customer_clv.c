/*
 * customer_clv.c: P(alive), expected purchases and lifetime value of all customers, under the fit of an epoch.
 *
 * The statistics are those of the published models: x = purchase days less the first, t_x and t in whole days from the
 * first purchase to the last and to the as-of day, m = mean gross total of the repeat days; returns touch none of them.
 * Where a fit failed nobody gets a number: the metric then leaves the priority, and the run says why.
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

static ClvHistory
history_of(const Scorecard *card, const Customer *customer, DateADT as_of)
{
	double		days = clv_unit_days(card->clv_time_unit, true);

	return (ClvHistory) {
		.x = customer->repeat_days,
		.t_x = (customer->last_day - customer->first_day) / days,
		.t = (as_of - customer->first_day) / days,
		.weight = 1
	};
}

EpochFit *
customer_clv_fit(const Scorecard *card, const CustomerSet *set, DateADT as_of)
{
	MemoryContext work;
	MemoryContext old;
	ClvCollapse *purchases;
	ClvCollapse *spend;
	ClvHistory *rows;
	EpochFit   *fit;
	long		n;

	if (card->clv_model == NULL)
		return NULL;
	fit = palloc0(sizeof(EpochFit));
	work = AllocSetContextCreate(CurrentMemoryContext, "custprio epoch fit", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	purchases = clv_collapse_create(work);
	spend = clv_collapse_create(work);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		const Customer *customer = customer_at(set, id);
		ClvHistory	h;

		if (customer->stage != STAGE_BUYER)
			continue;
		h = history_of(card, customer, as_of);
		clv_collapse_add(purchases, h.x, h.t_x, h.t, 1);
		if (h.x > 0 && customer->repeat_value > 0 && isfinite(customer->repeat_value))
			clv_collapse_add(spend, h.x, customer->repeat_value, 0, 1);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	rows = clv_collapse_rows(purchases, &n);
	clv_fit_anyhow(card->clv_model, rows, n, &fit->purchases);
	rows = clv_collapse_rows(spend, &n);
	clv_fit_anyhow(&clv_gamma_gamma, rows, n, &fit->spend);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);

	if (fit->spend.converged && !gamma_gamma_has_mean(fit->spend.params))
	{
		fit->spend.converged = false;
		fit->spend.status = "the fitted distribution of spend has no mean (q is not above 1)";
	}
	return fit;
}

/* Days from the as-of day to the end of the horizon. */
static double
horizon_days(const Scorecard *card, DateADT as_of)
{
	Timestamp	from = date2timestamp_no_overflow(as_of);
	Timestamp	until = DatumGetTimestamp(DirectFunctionCall2(date_pl_interval, DateADTGetDatum(as_of),
															  IntervalPGetDatum(card->clv_horizon)));

	return (until - from) / (double) USECS_PER_DAY;
}

/* What a customer with so many repeat purchases, first t ago, will do if alive. */
static const AliveEntry *
if_alive(alive_hash *table, const Scorecard *card, const EpochFit *fit, const ClvHistory *h, int days, double horizon,
		 double rate)
{
	uint64		key = ((uint64) h->x << 32) | (uint32) days;
	bool		found;
	AliveEntry *entry = alive_insert(table, key, &found);

	if (!found)
	{
		/* the history that leaves least doubt of being alive */
		ClvHistory	active = {.x = h->x,.t_x = h->x > 0 ? h->t : 0,.t = h->t,.weight = 1};
		double		alive = card->clv_model->p_alive(fit->purchases.params, &active, 0);

		entry->expected = card->clv_model->expected_purchases(fit->purchases.params, &active, horizon) / alive;
		entry->discounted = clv_discounted_purchases(card->clv_model, fit->purchases.params, &active, horizon,
													 rate) / alive;
		CHECK_FOR_INTERRUPTS();
	}
	return entry;
}

void
customer_clv_predict(const Scorecard *card, CustomerSet *set, const EpochFit *fit, DateADT as_of, List **warnings)
{
	alive_hash *table;
	double		unit,
				horizon,
				rate,
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

	for (int i = 0; i < 2; i++)
	{
		const ClvFit *found = i == 0 ? &fit->purchases : &fit->spend;

		if (strcmp(found->status, "converged") != 0)
			*warnings = lappend(*warnings, psprintf("%s %s, because the data alone do not determine its parameters",
													found->model->name, found->status));
	}

	unit = clv_unit_days(card->clv_time_unit, true);
	horizon = horizon_days(card, as_of) / unit;
	rate = clv_discount_rate(card->clv_discount, unit);
	scale = pow(10, CLV_SCALE(card));
	table = alive_create(CurrentMemoryContext, 1024, NULL);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);
		const AliveEntry *entry;
		ClvHistory	h;
		double		alive,
					value;

		if (customer->stage != STAGE_BUYER)
			continue;
		h = history_of(card, customer, as_of);
		entry = if_alive(table, card, fit, &h, as_of - customer->first_day, horizon, rate);
		alive = card->clv_model->p_alive(fit->purchases.params, &h, 0);
		value = card->clv_margin * alive * entry->discounted *
			gamma_gamma_expected_value(fit->spend.params, customer->repeat_value > 0 ? h.x : 0, customer->repeat_value);
		if (!(fabs(value * scale) < VALUE_LIMIT && alive * entry->expected * EXPECTED_ONE < VALUE_LIMIT))
		{
			*warnings = lappend(*warnings, pstrdup("no clv: a value is out of range"));
			alive_destroy(table);
			return;
		}
		customer->p_alive = (int32) rint(alive * ALIVE_ONE);
		customer->expected_purchases = (int64) rint(alive * entry->expected * EXPECTED_ONE);
		customer->clv = (int64) rint(value * scale);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	alive_destroy(table);
	set->has_clv = true;
}
