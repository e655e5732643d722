/*
 * state.c: the table <card>_purchases.
 *
 * The state has one row per customer who is in the source or in the relation of customers:
 *   summary   what counts up to the state's as-of day
 *   listed    whether the relation of customers has the customer; NULL without such a relation
 *   segment   its value of partition_by there
 *   earliest  first day with a counted row, kept only when the scorecard has a history window or regimes
 *   next_day  first day after as-of with a row
 * A rescore on a later day trusts a summary until next_day comes or earliest falls out of the window; those customers
 * are summarized again from the source. Only rows that differ are written.
 */
#include "custprio.h"

#include "state.h"

#include "regime.h"
#include "table_reader.h"
#include "table_writer.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define PREFETCH_AHEAD 8			/* customers */

typedef struct StateTable
{
	TableWriter *writer;		/* NULL: only read */
	Relation	rel;
	TupleTableSlot *slot;		/* the row at hand */
	TableReader *reader;
	AttrNumber	customer_id;
	AttrNumber	summary;
	AttrNumber	listed;
	AttrNumber	segment;
	AttrNumber	earliest;
	AttrNumber	next_day;
	AttrNumber	last_column;
	Datum	   *values;			/* a row to insert, columns of others NULL */
	bool	   *nulls;
} StateTable;

/* What a row of the state should be, or is. */
typedef struct StateRow
{
	Datum		key;
	PurchaseSummary *summary;	/* canonical */
	bool		has_listed;
	bool		listed;
	const text *segment;		/* NULL: NULL */
	DateADT		earliest;		/* NO_DAY: NULL */
	DateADT		next_day;		/* NO_DAY: NULL */
} StateRow;

static void
state_open(StateTable *state, const Scorecard *card, bool write)
{
	memset(state, 0, sizeof(StateTable));
	if (write)
	{
		state->writer = table_writer_open(card->purchases_relid);
		state->rel = state->writer->rel;
	}
	else
		state->rel = table_open(card->purchases_relid, AccessShareLock);
	state->customer_id = published_column(state->rel, "customer_id", card->key_type);
	state->summary = published_column(state->rel, "summary", custprio_type("purchase_summary"));
	state->listed = published_column(state->rel, "listed", BOOLOID);
	state->segment = published_column(state->rel, "segment", TEXTOID);
	state->earliest = published_column(state->rel, "earliest", DATEOID);
	state->next_day = published_column(state->rel, "next_day", DATEOID);
	state->last_column = RelationGetDescr(state->rel)->natts;
	state->values = palloc0(state->last_column * sizeof(Datum));
	state->nulls = palloc(state->last_column * sizeof(bool));
	memset(state->nulls, true, state->last_column * sizeof(bool));
	if (write)
	{
		AttrNumber	given[] = {state->customer_id, state->summary, state->listed, state->segment, state->earliest,
			state->next_day};

		table_writer_given(state->writer, given, lengthof(given));
	}
}

static void
state_close(StateTable *state)
{
	if (state->writer)
		table_writer_close(state->writer);
	else
		table_close(state->rel, NoLock);
}

/* The scan must outlive the memory of single rows. */
static void
state_begin_scan(StateTable *state, LookAhead look_ahead, int stages, void *arg)
{
	state->reader = table_reader_open(state->rel, look_ahead, stages, arg);
}

/* The next row of the state, deformed in the slot; false at the end. */
static bool
state_next(StateTable *state)
{
	state->slot = table_reader_next(state->reader);
	if (state->slot == NULL)
	{
		table_reader_close(state->reader);
		return false;
	}
	if (state->slot->tts_isnull[state->customer_id - 1] || state->slot->tts_isnull[state->summary - 1])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table \"%s\" has a row without customer or summary", RelationGetRelationName(state->rel)),
				 errhint("Delete such rows, then refresh with mode => 'rebuild'.")));
	return true;
}

static inline Datum
state_value(const StateTable *state, AttrNumber column)
{
	return state->slot->tts_values[column - 1];
}

static inline DateADT
state_day(const StateTable *state, AttrNumber column)
{
	return state->slot->tts_isnull[column - 1] ? NO_DAY : DatumGetDateADT(state_value(state, column));
}

/* The key of the row in the slot; one that had to be decompressed is in the current memory context. */
static inline Datum
state_key(const StateTable *state, const KeyMap *map)
{
	Datum		key = state_value(state, state->customer_id);

	if (map->byval || map->typlen > 0)
		return key;
	return PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
}

static inline bool
state_listed_equals(const StateTable *state, const StateRow *row)
{
	if (state->slot->tts_isnull[state->listed - 1])
		return !row->has_listed;
	return row->has_listed && row->listed == DatumGetBool(state_value(state, state->listed));
}

/* The value of partition_by in the slot, or NULL; one that had to be decompressed is in the current memory context. */
static inline const text *
state_segment(const StateTable *state)
{
	return state->slot->tts_isnull[state->segment - 1] ? NULL : DatumGetTextPP(state_value(state, state->segment));
}

static inline bool
state_segment_equals(const StateTable *state, const StateRow *row)
{
	const text *stored = state_segment(state);

	return stored == NULL || row->segment == NULL ? stored == row->segment : compare_segments(stored, row->segment) == 0;
}

static bool
summary_equals(Datum stored, const PurchaseSummary *wanted)
{
	struct varlena *packed = (struct varlena *) PG_DETOAST_DATUM_PACKED(stored);
	bool		equal = VARSIZE_ANY_EXHDR(packed) == VARSIZE(wanted) - VARHDRSZ &&
	memcmp(VARDATA_ANY(packed), VARDATA(wanted), VARSIZE(wanted) - VARHDRSZ) == 0;

	if ((Datum) packed != stored)
		pfree(packed);
	return equal;
}

static bool
row_equals(const StateTable *state, const StateRow *row)
{
	return state_day(state, state->next_day) == row->next_day &&
		state_day(state, state->earliest) == row->earliest &&
		state_listed_equals(state, row) &&
		state_segment_equals(state, row) &&
		summary_equals(state_value(state, state->summary), row->summary);
}

static void
fill_values(const StateTable *state, const StateRow *row, Datum *values, bool *nulls)
{
	values[state->customer_id - 1] = row->key;
	nulls[state->customer_id - 1] = false;
	values[state->summary - 1] = PointerGetDatum(row->summary);
	nulls[state->summary - 1] = false;
	values[state->listed - 1] = BoolGetDatum(row->listed);
	nulls[state->listed - 1] = !row->has_listed;
	values[state->segment - 1] = PointerGetDatum(row->segment);
	nulls[state->segment - 1] = row->segment == NULL;
	values[state->earliest - 1] = DateADTGetDatum(row->earliest);
	nulls[state->earliest - 1] = row->earliest == NO_DAY;
	values[state->next_day - 1] = DateADTGetDatum(row->next_day);
	nulls[state->next_day - 1] = row->next_day == NO_DAY;
}

/* Replace the row in the slot. Columns that are not ours keep their values. */
static void
state_update(StateTable *state, const StateRow *row)
{
	Datum	   *values = palloc(state->last_column * sizeof(Datum));
	bool	   *nulls = palloc(state->last_column * sizeof(bool));

	memcpy(values, state->slot->tts_values, state->last_column * sizeof(Datum));
	memcpy(nulls, state->slot->tts_isnull, state->last_column * sizeof(bool));
	fill_values(state, row, values, nulls);
	table_writer_update(state->writer, state->slot, values, nulls);
}

static void
state_insert(StateTable *state, const StateRow *row)
{
	fill_values(state, row, state->values, state->nulls);
	table_writer_insert(state->writer, state->values, state->nulls);
}

/* The state's row for a customer of the purchase table. */
static void
wanted_row(const Scorecard *card, PurchaseTable *table, PurchaseEntry *entry, bool has_listed, bool listed,
		   const text *segment, StateRow *row)
{
	if (entry->summary->wide_len > 0)
	{
		MemoryContext old = MemoryContextSwitchTo(table->entries);

		entry->summary = summary_compact(entry->summary);
		MemoryContextSwitchTo(old);
	}
	else
		SET_VARSIZE(entry->summary, SUMMARY_SIZE(entry->summary));
	row->key = entry->key;
	row->summary = entry->summary;
	row->has_listed = has_listed;
	row->listed = listed;
	row->segment = segment;
	row->earliest = purchase_window_moves(card) ? entry->earliest : NO_DAY;
	row->next_day = entry->next_day;
}

/* What the relation of customers has under this key, or NULL. */
static const ListedCustomer *
find_listed(const KeyMap *listed, Datum key)
{
	uint32		id = listed ? keymap_find(listed, key, keymap_hash(listed, key)) : KEYMAP_NONE;

	return id == KEYMAP_NONE ? NULL : keymap_entry(listed, id);
}

static inline const text *
segment_of(const ListedCustomer *customer)
{
	return customer ? customer->segment : NULL;
}

/* Whether a key belongs to what the purchase table holds now: one partition after a spill, everything else. */
static inline bool
at_hand(const SourceResult *source, int partition, const KeyMap *map, Datum key)
{
	return source->spill == NULL || purchase_partition(keymap_hash(map, key)) == partition;
}

/* Customers without a row in the source get an empty entry. */
static void
touch_listed(SourceResult *source, int partition, const KeyMap *listed)
{
	for (uint32 id = 0; id < listed->n; id++)
	{
		Datum		key = keymap_key(listed, id);

		if (at_hand(source, partition, listed, key))
			purchase_table_touch(source->table, key);
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Have what most of a summary's readers look at fetched. */
static inline void
prefetch_summary(const PurchaseEntry *entry)
{
	const char *summary = (const char *) entry->summary;

	__builtin_prefetch(summary);
	__builtin_prefetch(summary + 64);
	__builtin_prefetch(summary + 128);
}

/* For the look ahead: where the row's key is, and which entries there are. */
typedef struct EntryAhead
{
	const StateTable *state;
	const PurchaseTable *table;
} EntryAhead;

/* Have the entry and the summary of a row's customer fetched. */
static void
fetch_entry(TupleTableSlot *slot, int stage, void *arg)
{
	const EntryAhead *ahead = arg;
	const PurchasePartition *part;
	const KeyMap *map;
	Datum		key = slot->tts_values[ahead->state->customer_id - 1];
	uint64		hash;
	uint32		guess;

	map = ahead->table->part[0].map;
	if (slot->tts_isnull[ahead->state->customer_id - 1] || !keymap_can_hash(map, key))
		return;
	hash = keymap_hash(map, key);
	part = &ahead->table->part[purchase_partition(hash)];
	map = part->map;
	if (stage == 0)
	{
		__builtin_prefetch(&map->slots[keymap_slot(map, hash)]);
		return;
	}
	guess = keymap_guess(map, hash);
	if (guess == KEYMAP_NONE)
		return;
	if (stage == 1)
		__builtin_prefetch(purchase_entry(part, guess));
	else
		prefetch_summary(purchase_entry(part, guess));
}

/* Bring the rows that the state has to those at hand; notes the entries that it met. */
static void
sync_existing(StateTable *state, const Scorecard *card, SourceResult *source, int partition, const KeyMap *listed)
{
	PurchaseTable *table = source->table;
	KeyMap	   *map = table->part[0].map;
	EntryAhead	ahead = {state, table};
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custprio state row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;

	state_begin_scan(state, fetch_entry, 3, &ahead);
	old = MemoryContextSwitchTo(row_context);
	while (state_next(state))
	{
		Datum		key = state_key(state, map);
		PurchaseEntry *entry;
		StateRow	row;

		if (!at_hand(source, partition, map, key))
		{
			MemoryContextReset(row_context);
			continue;
		}
		entry = purchase_table_find(table, key);
		if (entry == NULL)
			table_writer_delete(state->writer, state->slot);
		else
		{
			const ListedCustomer *customer = find_listed(listed, key);

			entry->in_state = true;
			wanted_row(card, table, entry, listed != NULL, customer != NULL, segment_of(customer), &row);
			if (!row_equals(state, &row))
				state_update(state, &row);
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
}

/* Insert the entries that the state did not have. */
static void
sync_new(StateTable *state, const Scorecard *card, SourceResult *source, int64 n_entries, const KeyMap *listed)
{
	PurchaseTable *table = source->table;
	KeyedEntry *items = MemoryContextAllocHuge(CurrentMemoryContext, (n_entries + 1) * sizeof(KeyedEntry));
	int64		n = 0;

	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
	{
		PurchasePartition *part = &table->part[i];

		for (uint32 id = 0; id < part->map->n; id++)
		{
			PurchaseEntry *entry = purchase_entry(part, id);

			if (entry->in_state)
				continue;
			items[n].key = entry->key;
			items[n++].entry = entry;
		}
	}
	keymap_sort_entries(table->part[0].map, items, n);
	/* the keys of a spilled partition are gone when the writer is closed */
	if (source->spill == NULL)
		table_writer_defer_primary_key(state->writer, state->customer_id, table->part[0].map);
	for (int64 i = 0; i < n; i++)
	{
		const ListedCustomer *customer;
		StateRow	row;

		/* they lie in no order in memory */
		if (i + 2 * PREFETCH_AHEAD < n)
			__builtin_prefetch(items[i + 2 * PREFETCH_AHEAD].entry);
		if (i + PREFETCH_AHEAD < n)
			prefetch_summary(items[i + PREFETCH_AHEAD].entry);
		customer = find_listed(listed, items[i].key);
		wanted_row(card, table, items[i].entry, listed != NULL, customer != NULL, segment_of(customer), &row);
		state_insert(state, &row);
	}
	table_writer_flush(state->writer);
	pfree(items);
}

static void
count_purchases(RefreshRun *run, const PurchaseSummary *summary)
{
	run->rows.purchases += summary->purchases;
	run->rows.returns += summary->returns;
}

void
state_rebuild(const Scorecard *card, SourceResult *source, const KeyMap *listed, CustomerSet *set, bool write,
			  RefreshRun *run)
{
	StateTable	state;

	if (write)
		state_open(&state, card, true);
	for (int partition = 0; partition < source_partitions(source); partition++)
	{
		PurchaseTable *table = source->table;
		int64		n_entries = 0;

		source_partition(source, partition);
		if (listed)
			touch_listed(source, partition, listed);
		for (int i = 0; i < PURCHASE_PARTITIONS; i++)
			n_entries += table->part[i].map->n;
		keymap_reserve(set->map, set->map->n + n_entries);
		if (write)
		{
			sync_existing(&state, card, source, partition, listed);
			sync_new(&state, card, source, n_entries, listed);
		}
		for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		{
			PurchasePartition *part = &table->part[i];

			CHECK_FOR_INTERRUPTS();
			for (uint32 id = 0; id < part->map->n; id++)
			{
				PurchaseEntry *entry = purchase_entry(part, id);
				const ListedCustomer *customer = find_listed(listed, entry->key);

				if (id + PREFETCH_AHEAD < part->map->n)
					prefetch_summary(purchase_entry(part, id + PREFETCH_AHEAD));
				customer_set_add(set, card, entry->key, entry->summary, listed != NULL, customer != NULL,
								 segment_of(customer));
				count_purchases(run, entry->summary);
			}
		}
	}
	if (write)
	{
		run->state_written += state.writer->inserted + state.writer->updated + state.writer->deleted;
		state_close(&state);
	}
}

int64
state_read(const Scorecard *card, DateADT as_of, const KeyMap *changed, CustomerSet *set, KeyMap **stale)
{
	StateTable	state;
	PurchaseRule rule;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custprio state row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	int64		n = 0;

	purchase_rule_set(&rule, card, as_of, InvalidOid, InvalidOid);
	*stale = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	for (uint32 id = 0; changed && id < changed->n; id++)
	{
		bool		found;

		keymap_insert(*stale, keymap_key(changed, id), keymap_hash(*stale, keymap_key(changed, id)), &found);
	}
	state_open(&state, card, false);
	state_begin_scan(&state, NULL, 0, NULL);
	old = MemoryContextSwitchTo(row_context);
	while (state_next(&state))
	{
		Datum		key = state_key(&state, set->map);
		DateADT		earliest = state_day(&state, state.earliest);
		bool		found;

		if (state_day(&state, state.next_day) <= as_of || (earliest != NO_DAY && earliest < rule.from_day))
			keymap_insert(*stale, key, keymap_hash(*stale, key), &found);
		else if (changed == NULL || keymap_find(changed, key, keymap_hash(changed, key)) == KEYMAP_NONE)
			customer_set_add(set, card, key, DatumGetPurchaseSummaryP(state_value(&state, state.summary)),
							 !state.slot->tts_isnull[state.listed - 1],
							 DatumGetBool(state_value(&state, state.listed)), state_segment(&state));
		MemoryContextReset(row_context);
		n++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
	state_close(&state);
	return n;
}

void
state_resummarize(const Scorecard *card, const KeyMap *stale, const KeyMap *listed_now, SourceResult *source,
				  CustomerSet *set, RefreshRun *run)
{
	StateTable	state;
	PurchaseTable *table = source->table;
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "custprio state row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	int64		n_entries = 0;

	state_open(&state, card, true);
	state.reader = table_reader_open_keys(state.rel, state.customer_id, stale);
	old = MemoryContextSwitchTo(row_context);
	while (state_next(&state))
	{
		Datum		key = state_key(&state, stale);
		bool		has_listed = listed_now != NULL || !state.slot->tts_isnull[state.listed - 1];
		const ListedCustomer *customer = find_listed(listed_now, key);
		bool		listed = listed_now ? customer != NULL :
			has_listed && DatumGetBool(state_value(&state, state.listed));
		const text *segment = listed_now ? segment_of(customer) : state_segment(&state);
		PurchaseEntry *entry;
		StateRow	row;

		entry = purchase_table_find(table, key);
		if (entry == NULL && !listed)
			table_writer_delete(state.writer, state.slot);
		else
		{
			if (entry == NULL)
				entry = purchase_table_touch(table, key);
			entry->in_state = true;
			wanted_row(card, table, entry, has_listed, listed, segment, &row);
			if (!row_equals(&state, &row))
				state_update(&state, &row);
			customer_set_add(set, card, key, row.summary, has_listed, listed, segment);
			count_purchases(run, row.summary);
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);

	/* customers whom the state did not have */
	if (listed_now)
		touch_listed(source, 0, listed_now);
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		n_entries += table->part[i].map->n;
	sync_new(&state, card, source, n_entries, listed_now);
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
	{
		PurchasePartition *part = &table->part[i];

		for (uint32 id = 0; id < part->map->n; id++)
		{
			PurchaseEntry *entry = purchase_entry(part, id);
			const ListedCustomer *customer;

			if (entry->in_state)
				continue;
			customer = find_listed(listed_now, entry->key);
			customer_set_add(set, card, entry->key, entry->summary, listed_now != NULL, customer != NULL,
							 segment_of(customer));
			count_purchases(run, entry->summary);
		}
	}
	MemoryContextDelete(row_context);
	run->state_written += state.writer->inserted + state.writer->updated + state.writer->deleted;
	state_close(&state);
}
