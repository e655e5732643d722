/*
 * purchase_table.c: rows of the source in, one purchase_summary per customer out.
 *
 * Every way of reading a source ends here, so all of them give the same result. A row is first decoded and sorted out
 * (left-out rows are counted by kind), then staged with others of its partition. Customers as a whole take more memory
 * than the caches hold, those of one partition do not: working many rows of one partition off together is what makes
 * this fast.
 */
#include "custprio.h"

#include "exact.h"
#include "large_pages.h"
#include "purchase_table.h"
#include "regime.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define FIRST_CAPACITY	4		/* days that a new summary has room for */
#define STAGE_LEAST		128		/* staged rows of a partition: least and most */
#define STAGE_MOST		16384
#define STAGE_APART		2048	/* up to so many, every partition has memory of its own */
#define STAGE_LEAST_BYTES 8192	/* of staged keys */
#define CHUNK_OVERHEAD	16		/* of a small allocation */
#define BLOCK_HEADERS	1024	/* more than comes before the first allocation of a block */
#define DRAIN_BATCH		64

DateADT
purchase_window_start(const Scorecard *card, DateADT as_of)
{
	Timestamp	from;

	if (card->history == NULL)
		return regime_start(card, as_of);
	from = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
												 TimestampGetDatum((int64) as_of * USECS_PER_DAY),
												 IntervalPGetDatum(card->history)));
	return Max(local_day(from) + 1, regime_start(card, as_of));
}

void
purchase_rule_set(PurchaseRule *rule, const Scorecard *card, DateADT as_of, Oid time_type, Oid amount_type)
{
	memset(rule, 0, sizeof(PurchaseRule));
	rule->key_type = card->key_type;
	rule->time_type = time_type;
	rule->amount_type = amount_type;
	rule->as_of = as_of;
	rule->from_day = purchase_window_start(card, as_of);
	strlcpy(rule->zone, pg_get_timezone_name(card->zone), sizeof(rule->zone));
}

/* No customers yet. */
static void
start_entries(PurchaseTable *table)
{
	table->summaries = AllocSetContextCreate(table->entries, "custprio purchase summaries", ALLOCSET_DEFAULT_SIZES);
	table->summaries_size = table->summaries->mem_allocated;
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		table->part[i].map = keymap_create(table->entries, table->rule.key_type, sizeof(PurchaseEntry));
}

PurchaseTable *
purchase_table_create(const PurchaseRule *rule)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custprio purchases", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PurchaseTable *table = palloc0(sizeof(PurchaseTable));

	table->rule = *rule;
	table->context = context;
	table->entries = AllocSetContextCreate(context, "custprio purchase entries", ALLOCSET_DEFAULT_SIZES);
	table->scratch = AllocSetContextCreate(context, "custprio row", ALLOCSET_DEFAULT_SIZES);
	table->zone = zone_days_create(pg_tzset(rule->zone));
	table->zone_name = pstrdup(pg_get_timezone_name(table->zone->zone));
	/* a quarter of the memory for rows that wait */
	table->stage_limit = (int64) custprio_rebuild_memory * 1024 / 4 / PURCHASE_PARTITIONS / sizeof(StagedRow);
	table->stage_limit = Min(Max(table->stage_limit, STAGE_LEAST), STAGE_MOST);
	table->stage_key_limit = Max((Size) custprio_rebuild_memory * 1024 / 4 / PURCHASE_PARTITIONS, STAGE_LEAST_BYTES);
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		table->part[i].keys = AllocSetContextCreate(context, "custprio staged keys", ALLOCSET_SMALL_SIZES);
	start_entries(table);
	MemoryContextSwitchTo(old);
	return table;
}

/* Forget all customers, but not the counts of rows. */
void
purchase_table_reset(PurchaseTable *table)
{
	MemoryContextReset(table->entries);
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		Assert(table->part[i].n_staged == 0);
	start_entries(table);
}

Size
purchase_table_memory(PurchaseTable *table)
{
	return MemoryContextMemAllocated(table->entries, true);
}

/* Decode the time of a row; false when it is infinite, or beyond what timestamptz can hold. */
static inline bool
decode_time(const PurchaseRule *rule, Datum value, TimestampTz *at)
{
	int			overflow = 0;

	switch (rule->time_type)
	{
		case TIMESTAMPTZOID:
			*at = DatumGetTimestampTz(value);
			break;
		case TIMESTAMPOID:
			*at = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), &overflow);
			break;
		default:
			Assert(rule->time_type == DATEOID);
			*at = date2timestamptz_opt_overflow(DatumGetDateADT(value), &overflow);
			break;
	}
	return overflow == 0 && !TIMESTAMP_NOT_FINITE(*at);
}

static bool
decode_float(RowCounts *rows, float8 value, Datum num, PurchaseAmount *amount)
{
	if (isnan(value))
	{
		rows->nan_amount++;
		return false;
	}
	if (isinf(value))
	{
		rows->infinite_amount++;
		return false;
	}
	purchase_amount_set(amount, DatumGetNumeric(num));
	return true;
}

static bool
decode_wide_numeric(RowCounts *rows, Datum value, PurchaseAmount *amount)
{
	Numeric		num = (Numeric) PG_DETOAST_DATUM_COPY(value);

	if (numeric_is_nan(num))
	{
		rows->nan_amount++;
		return false;
	}
	if (numeric_is_inf(num))
	{
		rows->infinite_amount++;
		return false;
	}
	purchase_amount_set(amount, num);
	return true;
}

/* Decode an amount; false (and counted) when it is NaN or infinite. */
static inline bool
decode_amount(PurchaseTable *table, Datum value, PurchaseAmount *amount)
{
	RowCounts  *rows = &table->rows;
	struct varlena *packed;

	switch (table->rule.amount_type)
	{
		case NUMERICOID:
			packed = (struct varlena *) DatumGetPointer(value);
			if (likely(!VARATT_IS_EXTENDED(packed) || VARATT_IS_SHORT(packed)) &&
				likely(exact_from_packed(packed, &amount->mantissa, &amount->scale)))
			{
				amount->exact = true;
				return true;
			}
			return decode_wide_numeric(rows, value, amount);
		case INT2OID:
			amount->mantissa = DatumGetInt16(value);
			break;
		case INT4OID:
			amount->mantissa = DatumGetInt32(value);
			break;
		case INT8OID:
			amount->mantissa = DatumGetInt64(value);
			break;
		case FLOAT4OID:
			return decode_float(rows, DatumGetFloat4(value), DirectFunctionCall1(float4_numeric, value), amount);
		default:
			Assert(table->rule.amount_type == FLOAT8OID);
			return decode_float(rows, DatumGetFloat8(value), DirectFunctionCall1(float8_numeric, value), amount);
	}
	amount->exact = true;
	amount->scale = 0;
	return true;
}

/* To be called for every new summary: the first one in a new block of memory has the block put on large pages. */
static inline void
note_block(PurchaseTable *table, PurchaseSummary *s)
{
	Size		size = table->summaries->mem_allocated;

	if (likely(size == table->summaries_size))
		return;
	if (size > table->summaries_size + BLOCK_HEADERS)
		prefer_large_pages(s, size - table->summaries_size - BLOCK_HEADERS);
	table->summaries_size = size;
}

/* The customer's entry, made with an empty summary when it is new. To be called in the summaries' memory. */
static inline PurchaseEntry *
find_or_make(PurchaseTable *table, PurchasePartition *part, Datum key, uint64 hash)
{
	bool		found;
	uint32		id = keymap_insert(part->map, key, hash, &found);
	PurchaseEntry *entry = purchase_entry(part, id);

	if (!found)
	{
		entry->summary = summary_create(table->zone_name, FIRST_CAPACITY);
		note_block(table, entry->summary);
		entry->next_day = NO_DAY;
		entry->earliest = NO_DAY;
	}
	return entry;
}

static inline void
replace_summary(PurchaseTable *table, PurchaseEntry *entry, PurchaseSummary *s)
{
	if (unlikely(s != entry->summary))
	{
		note_block(table, s);
		pfree(entry->summary);
		entry->summary = s;
	}
}

static inline void
apply_row(PurchaseTable *table, PurchaseEntry *entry, DateADT day, TimestampTz at, const PurchaseAmount *amount)
{
	if (unlikely(day > table->rule.as_of))
	{
		table->rows.future++;
		entry->next_day = Min(entry->next_day, day);
		return;
	}
	entry->earliest = Min(entry->earliest, day);
	replace_summary(table, entry, summary_add(entry->summary, day, at, amount));
}

/* Work the staged rows of a partition off. */
static void
drain(PurchaseTable *table, PurchasePartition *part)
{
	MemoryContext old = MemoryContextSwitchTo(table->summaries);
	PurchaseAmount amount = {.exact = true};
	uint64		hash[DRAIN_BATCH];

	for (int from = 0; from < part->n_staged; from += DRAIN_BATCH)
	{
		int			n = Min(part->n_staged - from, DRAIN_BATCH);
		StagedRow  *rows = part->staged + from;

		/* the entry that the first slot points to is nearly always the right one: have its summary fetched */
		for (int i = 0; i < n; i++)
		{
			hash[i] = keymap_hash(part->map, rows[i].key);
			__builtin_prefetch(&part->map->slots[keymap_slot(part->map, hash[i])]);
		}
		for (int i = 0; i < n; i++)
		{
			uint32		guess = keymap_guess(part->map, hash[i]);

			if (guess != KEYMAP_NONE)
				__builtin_prefetch(purchase_entry(part, guess)->summary);
		}
		for (int i = 0; i < n; i++)
		{
			amount.mantissa = rows[i].mantissa;
			amount.scale = rows[i].scale;
			apply_row(table, find_or_make(table, part, rows[i].key, hash[i]), rows[i].day, rows[i].at, &amount);
		}
	}
	part->n_staged = 0;
	MemoryContextSwitchTo(old);
	if (!part->map->byval)
	{
		MemoryContextReset(part->keys);
		part->key_bytes = 0;
	}
}

/* Room for all rows that may wait in a partition, in one piece of memory for all partitions. */
static StagedRow *
stage_of_table(PurchaseTable *table, const PurchasePartition *part)
{
	if (table->stage == NULL)
	{
		Size		size = (Size) table->stage_limit * PURCHASE_PARTITIONS * sizeof(StagedRow);

		table->stage = MemoryContextAllocHuge(table->context, size);
		prefer_large_pages(table->stage, size);
	}
	return table->stage + (part - table->part) * (Size) table->stage_limit;
}

static void
grow_stage(PurchaseTable *table, PurchasePartition *part)
{
	StagedRow  *before = part->staged;

	if (part->capacity >= STAGE_APART)
	{
		part->staged = stage_of_table(table, part);
		part->capacity = table->stage_limit;
	}
	else
	{
		part->capacity = Min(Max(part->capacity * 4, STAGE_LEAST), table->stage_limit);
		part->staged = MemoryContextAlloc(table->context, part->capacity * sizeof(StagedRow));
	}
	if (before)
	{
		memcpy(part->staged, before, part->n_staged * sizeof(StagedRow));
		pfree(before);
	}
}

/* A copy of a by-reference key that lasts until the partition is drained. */
static Datum
stage_key(PurchaseTable *table, PurchasePartition *part, Datum key)
{
	MemoryContext old = MemoryContextSwitchTo(part->keys);

	key = datumCopy(key, false, part->map->typlen);
	part->key_bytes += datumGetSize(key, false, part->map->typlen) + CHUNK_OVERHEAD;
	MemoryContextSwitchTo(old);
	return key;
}

bool
purchase_table_add(PurchaseTable *table, const Datum *values, const bool *nulls)
{
	RowCounts  *rows = &table->rows;
	KeyMap	   *map = table->part[0].map;	/* any: they differ in what they hold only */
	MemoryContext old;
	PurchaseAmount amount;
	TimestampTz at;
	DateADT		day;
	Datum		key = values[0];
	uint64		hash;
	PurchasePartition *part;
	bool		drained = false;

	rows->read++;
	if (unlikely(nulls[0] || nulls[1] || nulls[2]))
	{
		if (nulls[0])
			rows->null_customer++;
		else if (nulls[1])
			rows->null_time++;
		else
			rows->null_amount++;
		return false;
	}

	old = MemoryContextSwitchTo(table->scratch);
	if (unlikely(!decode_amount(table, values[2], &amount)))
		goto done;				/* counted already */
	if (unlikely(!decode_time(&table->rule, values[1], &at)))
	{
		rows->infinite_time++;
		goto done;
	}
	day = zone_day(table->zone, at);
	if (day < table->rule.from_day)
	{
		rows->before_history++;
		goto done;
	}

	if (!map->byval && map->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	hash = keymap_hash(map, key);
	part = &table->part[purchase_partition(hash)];
	if (likely(amount.exact))
	{
		StagedRow  *row;

		if (unlikely(part->n_staged == table->stage_limit || part->key_bytes > table->stage_key_limit))
		{
			drain(table, part);
			drained = true;
		}
		else if (unlikely(part->n_staged == part->capacity))
			grow_stage(table, part);
		row = &part->staged[part->n_staged++];
		row->key = map->byval ? key : stage_key(table, part, key);
		row->at = at;
		row->mantissa = amount.mantissa;
		row->day = day;
		row->scale = amount.scale;
	}
	else
	{
		/* too wide to wait; the order of rows does not matter */
		MemoryContextSwitchTo(table->summaries);
		apply_row(table, find_or_make(table, part, key, hash), day, at, &amount);
		drained = true;
	}
done:
	MemoryContextSwitchTo(old);
	if (unlikely(!table->scratch->isReset))
		MemoryContextReset(table->scratch);
	return drained;
}

void
purchase_table_flush(PurchaseTable *table, int partition)
{
	drain(table, &table->part[partition]);
}

void
purchase_table_flush_all(PurchaseTable *table)
{
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		drain(table, &table->part[i]);
}

void
purchase_table_merge(PurchaseTable *table, Datum key, const PurchaseSummary *summary,
					 DateADT next_day, DateADT earliest)
{
	PurchaseEntry *entry = purchase_table_touch(table, key);
	MemoryContext old = MemoryContextSwitchTo(table->summaries);

	replace_summary(table, entry, summary_merge(entry->summary, summary));
	entry->next_day = Min(entry->next_day, next_day);
	entry->earliest = Min(entry->earliest, earliest);
	MemoryContextSwitchTo(old);
}

PurchaseEntry *
purchase_table_touch(PurchaseTable *table, Datum key)
{
	uint64		hash = keymap_hash(table->part[0].map, key);
	PurchasePartition *part = &table->part[purchase_partition(hash)];
	MemoryContext old = MemoryContextSwitchTo(table->summaries);
	PurchaseEntry *entry = find_or_make(table, part, key, hash);

	MemoryContextSwitchTo(old);
	return entry;
}

PurchaseEntry *
purchase_table_find(const PurchaseTable *table, Datum key)
{
	uint64		hash = keymap_hash(table->part[0].map, key);
	const PurchasePartition *part = &table->part[purchase_partition(hash)];
	uint32		id = keymap_find(part->map, key, hash);

	return id == KEYMAP_NONE ? NULL : purchase_entry(part, id);
}
