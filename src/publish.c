/*
 * publish.c: scores into the priority table and the tier history.
 *
 * The published rows are read once. A row is compared column by column in the form in which it is stored; where
 * nothing differs nothing is written, not even a lock. A customer without a row gets one, a row without a customer
 * goes. Nothing that depends on other customers' positions (a rank, a cumulative share) is stored, so that few
 * purchases change few rows.
 */
#include "custprio.h"

#include "publish.h"

#include "published.h"
#include "published_row.h"
#include "regime.h"
#include "table_reader.h"

#include "access/table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define PREFETCH_AHEAD 8			/* customers; they lie in no order in memory */

static void
note_change(Publisher *p, Datum key, CustomerTier previous, CustomerTier tier, const char *reason)
{
#define HISTORY(column, datum, null) \
	(p->history_values[p->history_column[column] - 1] = (datum), \
	 p->history_nulls[p->history_column[column] - 1] = (null))

	HISTORY(HIST_CUSTOMER_ID, key, false);
	HISTORY(HIST_CHANGED_ON, DateADTGetDatum(p->run->as_of), false);
	HISTORY(HIST_CHANGED_AT, TimestampTzGetDatum(p->changed_at), false);
	HISTORY(HIST_RUN_ID, Int64GetDatum(p->run->run_id), false);
	HISTORY(HIST_PREVIOUS_TIER, CustomerTierGetDatum(previous), previous == 0);
	HISTORY(HIST_TIER, CustomerTierGetDatum(tier), tier == 0);
	HISTORY(HIST_REASON, CStringGetTextDatum(reason), false);
	table_writer_insert(p->history, p->history_values, p->history_nulls);
	p->run->tier_changes++;
}

static void
copy_to_table(const Publisher *p, const PublishedRow *row, Datum *values, bool *nulls)
{
	for (int i = 0; i < p->n_columns; i++)
	{
		values[p->column[i] - 1] = row->value[i];
		nulls[p->column[i] - 1] = row->null[i];
	}
}

/* The published row of a customer who is still there. */
static void
publish_known(Publisher *p, TupleTableSlot *old, Customer *customer)
{
	TierState	before = row_state(p, old);
	TierState	state;
	PublishedRow row;
	bool		changed = false;
	Datum	   *values;
	bool	   *nulls;

	publisher_scored_row(p, customer, &row);
	state = publisher_place(p, customer, &before);
	row_put_state(p, &row, &state);
	for (int i = COL_TIER; i < p->n_columns && !changed; i++)
		changed = is_computed(i) && !row_column_equals(p, old, i, &row);
	if (!changed)
		return;

	values = palloc(old->tts_nvalid * sizeof(Datum));
	nulls = palloc(old->tts_nvalid * sizeof(bool));
	memcpy(values, old->tts_values, old->tts_nvalid * sizeof(Datum));
	memcpy(nulls, old->tts_isnull, old->tts_nvalid * sizeof(bool));
	if (state.tier != before.tier)
		note_change(p, customer->key, before.tier, state.tier, row_change_reason(p, old, &row, &before, &state));
	copy_to_table(p, &row, values, nulls);
	table_writer_update(p->priority, old, values, nulls);
}

/* A published row whose customer is no more. */
static void
publish_gone(Publisher *p, TupleTableSlot *old, Datum key)
{
	CustomerTier tier = row_tier(p, old, COL_TIER);

	if (tier != 0)
		note_change(p, key, tier, 0, "data");
	table_writer_delete(p->priority, old);
}

static void
publish_new(Publisher *p, Customer *customer)
{
	TierState	state;
	PublishedRow row;

	publisher_scored_row(p, customer, &row);
	state = publisher_place(p, customer, &no_tier_state);
	row_put_state(p, &row, &state);
	copy_to_table(p, &row, p->values, p->nulls);
	table_writer_insert(p->priority, p->values, p->nulls);
	if (state.tier != 0)
		note_change(p, customer->key, 0, state.tier, state.hold == HOLD_OVERRIDE ? "override" : "behaviour");
}

/* Compare the published rows, all or only those of some customers, with the set; marks those that it met. */
static void
publish_existing(Publisher *p, const KeyMap *only)
{
	Relation	rel = p->priority->rel;
	KeyMap	   *map = p->set->map;
	TableReader *reader = only ? table_reader_open_keys(rel, p->column[COL_CUSTOMER_ID], only) :
		table_reader_open(rel, publisher_look_ahead, 2, p);
	TupleTableSlot *slot;
	MemoryContext old = MemoryContextSwitchTo(p->row_context);

	while ((slot = table_reader_next(reader)) != NULL)
	{
		Datum		key;
		uint32		id;

		/* the table is its owner's, who may have dropped the primary key */
		if (slot->tts_isnull[p->column[COL_CUSTOMER_ID] - 1])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("table \"%s\" has a row without customer", RelationGetRelationName(rel)),
					 errhint("Delete such rows, then refresh again.")));
		key = slot->tts_values[p->column[COL_CUSTOMER_ID] - 1];
		if (!map->byval && map->typlen < 0)
			key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
		id = keymap_find(map, key, keymap_hash(map, key));
		if (id == KEYMAP_NONE)
			publish_gone(p, slot, key);
		else
		{
			Customer   *customer = customer_at(p->set, id);

			customer->published = true;
			publish_known(p, slot, customer);
		}
		MemoryContextReset(p->row_context);
	}
	MemoryContextSwitchTo(old);
	table_reader_close(reader);
}

/* A customer to insert, in the order of the index over tier and priority. */
typedef struct NewCustomer
{
	int64		position;
	int64		key;
	Customer   *customer;
} NewCustomer;

#define ST_SORT sort_new_customers
#define ST_ELEMENT_TYPE NewCustomer
#define ST_COMPARE(a, b) \
	((a)->position != (b)->position ? ((a)->position > (b)->position) - ((a)->position < (b)->position) : \
	 ((a)->key > (b)->key) - ((a)->key < (b)->key))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Publish the customers that had no row, best first: a list of the best then reads neighbouring pages, and building
 * the index over tier and priority, whose comparisons are slow, finds its input sorted.
 */
static void
publish_missing(Publisher *p)
{
	KeyMap	   *map = p->set->map;
	NewCustomer *items = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) map->n + 1) * sizeof(NewCustomer));
	MemoryContext old;
	int64		n = 0;

	for (uint32 id = 0; id < map->n; id++)
	{
		Customer   *customer = customer_at(p->set, id);

		if (customer->published)
			continue;
		items[n].position = customer->stage != STAGE_BUYER ? PG_INT64_MAX :
			(int64) customer->tier * (PRIORITY_MAX + 1) + (PRIORITY_MAX - customer->priority);
		items[n].key = map->byval ? (int64) customer->key : 0;
		items[n++].customer = customer;
	}
	sort_new_customers(items, n);
	table_writer_defer_primary_key(p->priority, p->column[COL_CUSTOMER_ID], map);

	old = MemoryContextSwitchTo(p->row_context);
	for (int64 i = 0; i < n; i++)
	{
		if (i + PREFETCH_AHEAD < n)
		{
			__builtin_prefetch(items[i + PREFETCH_AHEAD].customer);
			__builtin_prefetch((char *) items[i + PREFETCH_AHEAD].customer + 64);
			__builtin_prefetch((char *) items[i + PREFETCH_AHEAD].customer + 128);
		}
		publish_new(p, items[i].customer);
		if (i % 256 == 0)
			MemoryContextReset(p->row_context);
	}
	MemoryContextSwitchTo(old);
	pfree(items);
}

void
publish(const Scorecard *card, CustomerSet *set, Scores *scores, const KeyMap *only, RefreshRun *run)
{
	Publisher	publisher = {.card = card, .set = set, .scores = scores, .run = run};

	publisher_open(&publisher);
	publish_existing(&publisher, only);
	publish_missing(&publisher);
	run->inserted = publisher.priority->inserted;
	run->updated = publisher.priority->updated;
	run->deleted = publisher.priority->deleted;
	publisher_close(&publisher);

	/* the first rows: indexes are built faster over full tables than filled row by row */
	if (!card->has_epoch)
		published_build_indexes(card->priority_relid, card->history_relid);
}

/* The same customer in another set; KEYMAP_NONE: not there. */
static uint32
find_customer(const CustomerSet *set, Datum key)
{
	return set ? keymap_find(set->map, key, keymap_hash(set->map, key)) : KEYMAP_NONE;
}

/* Place all customers of a day in memory, after the day before. */
static void
place_all(Publisher *p, const CustomerSet *before, CustomerSet *set)
{
	set->placed = MemoryContextAllocHuge(set->context, ((Size) set->map->n + 1) * sizeof(TierState));
	for (uint32 id = 0; id < set->map->n; id++)
	{
		Customer   *customer = customer_at(set, id);
		uint32		before_id = find_customer(before, customer->key);
		PublishedRow row;

		if (p->rules)
			publisher_scored_row(p, customer, &row);
		set->placed[id] = publisher_place(p, customer,
										  before_id == KEYMAP_NONE ? &no_tier_state : &before->placed[before_id]);
		MemoryContextReset(p->row_context);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Why a tier changed between two computed days: as row_change_reason() of the same declaration and other days. */
static const char *
reason_between(const Publisher *p, const Customer *then, const Customer *now, const TierState *before,
			   const TierState *state)
{
	static const int columns[] = {COL_FREQUENCY, COL_MONETARY, COL_FIRST_PURCHASE, COL_LAST_PURCHASE};
	PublishedRow a,
				b;
	bool		same = true;

	if (state->hold == HOLD_OVERRIDE || (before->hold == HOLD_OVERRIDE && !publisher_overrides(p, now->key)))
		return "override";
	if (then == NULL)
		return "behaviour";
	if (before->hold >= HOLD_MINIMUM_STAY && before->hold <= HOLD_CALENDAR && then->tier == now->tier)
		return "time";
	publisher_row(p, then, &a);
	publisher_row(p, now, &b);
	for (int i = 0; i < lengthof(columns) && same; i++)
	{
		int			column = columns[i];
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(p->priority->rel), p->column[column] - 1);

		same = a.null[column] == b.null[column] &&
			(a.null[column] || datum_image_eq(a.value[column], b.value[column], attr->attbyval, attr->attlen));
	}
	if (!same)
		return purchase_window_moves(p->card) && then->stage == STAGE_BUYER && now->stage == STAGE_BUYER && then->last == now->last &&
			now->first > then->first ? "time" : "behaviour";
	same = !p->set->has_clv || then->p_alive == now->p_alive;
	for (int nth = 0; nth < p->card->n_added && same; nth++)
		same = then->metric[nth].status == now->metric[nth].status &&
			(now->metric[nth].status != METRIC_KNOWN || then->metric[nth].value == now->metric[nth].value);
	return same ? "threshold" : "time";
}

void
publish_history(const Scorecard *card, CustomerSet *before, CustomerSet *after, Scores *scores,
				TimestampTz changed_at, RefreshRun *run)
{
	Publisher	publisher = {.card = card, .set = after, .scores = scores, .run = run};
	Publisher  *p = &publisher;
	MemoryContext old;

	publisher_open(p);
	p->changed_at = changed_at;
	old = MemoryContextSwitchTo(p->row_context);
	if (before && before->placed == NULL)
		place_all(p, NULL, before);
	place_all(p, before, after);
	for (uint32 id = 0; id < after->map->n; id++)
	{
		const Customer *now = customer_at(after, id);
		uint32		then_id = find_customer(before, now->key);
		const Customer *then = then_id == KEYMAP_NONE ? NULL : customer_at(before, then_id);
		TierState	then_state = then ? before->placed[then_id] : no_tier_state;

		if (then_state.tier != after->placed[id].tier)
			note_change(p, now->key, then_state.tier, after->placed[id].tier,
						reason_between(p, then, now, &then_state, &after->placed[id]));
		MemoryContextReset(p->row_context);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (uint32 id = 0; before && id < before->map->n; id++)
	{
		const Customer *then = customer_at(before, id);

		if (then->stage == STAGE_BUYER && find_customer(after, then->key) == KEYMAP_NONE)
			note_change(p, then->key, before->placed[id].tier, 0, "data");
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old);
	publisher_close(p);
}
