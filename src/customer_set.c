/*
 * customer_set.c: all customers of a refresh in memory.
 *
 * About a hundred bytes a customer: what a score needs of the summary, and room for the scores. Days and sums stay in
 * the state table, unless an added metric is computed from them.
 */
#include "custprio.h"

#include "customer_set.h"

#include "catalog/pg_type.h"
#include "exact.h"

#include "miscadmin.h"
#include "utils/memutils.h"

CustomerSet *
customer_set_create(const Scorecard *card, bool partial)
{
	CustomerSet *set = palloc0(sizeof(CustomerSet));

	set->context = AllocSetContextCreate(CurrentMemoryContext, "custprio customers", ALLOCSET_DEFAULT_SIZES);
	set->map = keymap_create(set->context, card->key_type,
							 MAXALIGN(offsetof(Customer, metric) + card->n_added * sizeof(MetricValue)));
	set->partial = partial;
	set->keep_days = card->lifecycle != NULL;
	for (int i = 0; i < card->n_added; i++)
		set->keep_summaries |= card->added[i].origin == METRIC_OF_PURCHASES;
	return set;
}

int
compare_segments(const text *a, const text *b)
{
	Size		a_len = VARSIZE_ANY_EXHDR(a),
				b_len = VARSIZE_ANY_EXHDR(b);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(a_len, b_len));

	return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Segments are numbered as they are met. */
uint32
customer_set_segment(CustomerSet *set, const text *segment)
{
	Datum		key = PointerGetDatum(segment);
	bool		found;

	if (segment == NULL)
		return KEYMAP_NONE;
	if (set->segments == NULL)
		set->segments = keymap_create(set->context, TEXTOID, sizeof(Datum));
	return keymap_insert(set->segments, key, keymap_hash(set->segments, key), &found);
}

void
customer_set_add(CustomerSet *set, const Scorecard *card, Datum key, const PurchaseSummary *summary,
				 bool has_listed, bool listed, const text *segment)
{
	Customer   *customer;
	bool		found;
	bool		buyer = summary->purchases > 0;

	if (!buyer && summary->returns == 0 && !(has_listed && listed))
		return;

	customer = customer_at(set, keymap_insert(set->map, key, keymap_hash(set->map, key), &found));
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("state of scorecard \"%s\" has a customer twice", card->name),
				 errhint("Give table \"%s_purchases\" its primary key back.", card->name)));
	customer->purchases = summary->purchases;
	customer->frequency = card->frequency_by_day ? summary->n_days : summary->purchases;
	customer->stage = buyer ? STAGE_BUYER : (summary->returns > 0 ? STAGE_RETURNS_ONLY : STAGE_PROSPECT);
	if (summary_revenue_exact(summary, &customer->revenue))
		customer->revenue_scale = summary->scale;
	else
	{
		MemoryContext old = MemoryContextSwitchTo(set->context);

		customer->wide_revenue = summary_revenue(summary);
		MemoryContextSwitchTo(old);
	}
	if (set->keep_summaries)
	{
		MemoryContext old = MemoryContextSwitchTo(set->context);

		customer->summary = summary_compact(summary);
		MemoryContextSwitchTo(old);
	}
	if (!buyer)
		return;

	set->n_buyers++;
	customer->first = summary->first;
	customer->last = summary->last;
	customer->first_day = SUMMARY_DAYS(summary)[0];
	customer->last_day = SUMMARY_DAYS(summary)[summary->n_days - 1];
	customer->repeat_days = summary->n_days - 1;
	if (card->clv_model && customer->repeat_days > 0)
		customer->repeat_value = summary_repeat_total(summary) / customer->repeat_days;
	customer->segment = customer_set_segment(set, segment);
	if (set->keep_days)
	{
		customer->days = MemoryContextAlloc(set->context, summary->n_days * sizeof(DateADT));
		memcpy(customer->days, SUMMARY_DAYS(summary), summary->n_days * sizeof(DateADT));
	}
	customer->orphan = has_listed && !listed;
	if (customer->orphan)
		set->n_orphans++;
	if (customer->wide_revenue)
		set->wide = true;
	else
		set->scale = Max(set->scale, customer->revenue_scale);
}

Buyers
customer_set_buyers(const CustomerSet *set)
{
	Buyers		buyers = {.set = set};

	buyers.buyer = MemoryContextAllocHuge(CurrentMemoryContext, (set->n_buyers + 1) * sizeof(Customer *));
	for (uint32 id = 0; id < set->map->n; id++)
		if (customer_at(set, id)->stage == STAGE_BUYER)
			buyers.buyer[buyers.n++] = customer_at(set, id);
	return buyers;
}

/* Larger ones first. */
static int
compare_sizes(const void *a, const void *b)
{
	const BuyerSegment *one = a,
			   *other = b;

	if (one->buyers != other->buyers)
		return one->buyers > other->buyers ? -1 : 1;
	return compare_segments(one->name, other->name);
}

BuyerSegment *
customer_set_largest_segments(const CustomerSet *set, int most, int *n)
{
	uint32		n_segments = set->segments ? set->segments->n : 0;
	BuyerSegment *segment = MemoryContextAllocExtended(CurrentMemoryContext, (n_segments + 1) * sizeof(BuyerSegment),
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 id = 0; id < n_segments; id++)
	{
		segment[id].id = id;
		segment[id].name = (const text *) DatumGetPointer(keymap_key(set->segments, id));
	}
	for (uint32 id = 0; id < set->map->n; id++)
	{
		const Customer *customer = customer_at(set, id);

		if (customer->stage != STAGE_BUYER || customer->segment == KEYMAP_NONE)
			continue;
		segment[customer->segment].buyers++;
		segment[customer->segment].repeaters += customer->repeat_days > 0;
	}
	qsort(segment, n_segments, sizeof(BuyerSegment), compare_sizes);
	*n = Min(n_segments, most);
	return segment;
}

Numeric
customer_revenue(const Customer *customer)
{
	return customer->wide_revenue ? customer->wide_revenue : exact_to_numeric(customer->revenue, customer->revenue_scale);
}

void
customer_set_finish(CustomerSet *set)
{
	MemoryContext old;

	for (uint32 id = 0; id < set->map->n && !set->wide; id++)
	{
		Customer   *customer = customer_at(set, id);
		int64		rescaled;

		if (customer->stage != STAGE_BUYER || customer->revenue_scale == set->scale)
			continue;
		if (exact_rescale(customer->revenue, set->scale - customer->revenue_scale, &rescaled))
		{
			customer->revenue = rescaled;
			customer->revenue_scale = set->scale;
		}
		else
			set->wide = true;
	}
	if (!set->wide)
		return;

	old = MemoryContextSwitchTo(set->context);
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);

		CHECK_FOR_INTERRUPTS();
		customer->wide_revenue = customer_revenue(customer);
	}
	MemoryContextSwitchTo(old);
}
