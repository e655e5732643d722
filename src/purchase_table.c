/*
 * purchase_table.c: rows of the source in, one purchase_summary per customer out.
 *
 * Every way of reading a source ends here, so all of them give the same result. A row is first decoded and sorted out
 * (left-out rows are counted by kind), then waits in a batch. Customers are spread over more memory than the caches
 * hold; working a batch off in passes lets the processor fetch many of them at once.
 */
#include "custprio.h"

#include "exact.h"
#include "purchase_table.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define FIRST_CAPACITY 4

/* First day of the window that ends on as_of and is as long as the scorecard's history. */
static DateADT
window_start(const Scorecard *card, DateADT as_of)
{
	Timestamp	from;

	if (card->history == NULL)
		return DATEVAL_NOBEGIN;
	from = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
												 TimestampGetDatum((int64) as_of * USECS_PER_DAY),
												 IntervalPGetDatum(card->history)));
	return local_day(from) + 1;
}

void
purchase_rule_set(PurchaseRule *rule, const Scorecard *card, DateADT as_of, Oid time_type, Oid amount_type)
{
	memset(rule, 0, sizeof(PurchaseRule));
	rule->key_type = card->key_type;
	rule->time_type = time_type;
	rule->amount_type = amount_type;
	rule->as_of = as_of;
	rule->from_day = window_start(card, as_of);
	strlcpy(rule->zone, pg_get_timezone_name(card->zone), sizeof(rule->zone));
}

PurchaseTable *
purchase_table_create(const PurchaseRule *rule)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "custprio purchases", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PurchaseTable *table = palloc0(sizeof(PurchaseTable));

	table->rule = *rule;
	table->context = context;
	table->entries = AllocSetContextCreate(context, "custprio purchase entries",
										   ALLOCSET_DEFAULT_MINSIZE, ALLOCSET_DEFAULT_INITSIZE, 64 * 1024 * 1024);
	table->scratch = AllocSetContextCreate(context, "custprio pending rows", ALLOCSET_DEFAULT_SIZES);
	table->zone = zone_days_create(pg_tzset(rule->zone));
	table->zone_name = pstrdup(pg_get_timezone_name(table->zone->zone));
	table->map = keymap_create(table->entries, rule->key_type, sizeof(PurchaseEntry));
	MemoryContextSwitchTo(old);
	return table;
}

/* Forget all customers, but not the counts of rows. */
void
purchase_table_reset(PurchaseTable *table)
{
	Assert(table->n_pending == 0);
	MemoryContextReset(table->entries);
	table->map = keymap_create(table->entries, table->rule.key_type, sizeof(PurchaseEntry));
}

Size
purchase_table_memory(PurchaseTable *table)
{
	return MemoryContextMemAllocated(table->entries, true);
}

/* Decode the time of a row; false when it is infinite. */
static inline bool
decode_time(const PurchaseRule *rule, Datum value, TimestampTz *at)
{
	switch (rule->time_type)
	{
		case TIMESTAMPTZOID:
			*at = DatumGetTimestampTz(value);
			break;
		case TIMESTAMPOID:
			*at = DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, value));
			break;
		default:
			Assert(rule->time_type == DATEOID);
			*at = DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz, value));
			break;
	}
	return !TIMESTAMP_NOT_FINITE(*at);
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

bool
purchase_table_add(PurchaseTable *table, const Datum *values, const bool *nulls)
{
	RowCounts  *rows = &table->rows;
	KeyMap	   *map = table->map;
	PendingRow *row = &table->pending[table->n_pending];
	MemoryContext old;
	bool		counts = false;

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
	if (unlikely(!decode_amount(table, values[2], &row->amount)))
		 /* counted already */ ;
	else if (unlikely(!decode_time(&table->rule, values[1], &row->at)))
		rows->infinite_time++;
	else
	{
		row->day = zone_day(table->zone, row->at);
		if (row->day < table->rule.from_day)
			rows->before_history++;
		else
			counts = true;
	}
	if (counts)
	{
		if (map->byval)
			row->key = values[0];
		else if (map->typlen > 0)
			row->key = datumCopy(values[0], false, map->typlen);
		else
			row->key = PointerGetDatum(PG_DETOAST_DATUM_COPY(values[0]));
		row->hash = keymap_hash(map, row->key);
		__builtin_prefetch(&map->slots[keymap_slot(map, row->hash)]);
		table->n_pending++;
	}
	MemoryContextSwitchTo(old);

	if (table->n_pending < PURCHASE_BATCH)
		return false;
	purchase_table_flush(table);
	return true;
}

/* The customer's entry, made with an empty summary when it is new. */
static uint32
find_or_make(PurchaseTable *table, Datum key, uint64 hash)
{
	bool		found;
	uint32		id = keymap_insert(table->map, key, hash, &found);

	if (!found)
	{
		PurchaseEntry *entry = purchase_table_entry(table, id);

		entry->summary = summary_create(table->zone_name, FIRST_CAPACITY);
		entry->next_day = NO_DAY;
		entry->earliest = NO_DAY;
	}
	return id;
}

static inline void
replace_summary(PurchaseEntry *entry, PurchaseSummary *s)
{
	if (unlikely(s != entry->summary))
	{
		pfree(entry->summary);
		entry->summary = s;
	}
}

static inline void
apply_row(PurchaseTable *table, const PendingRow *row)
{
	PurchaseEntry *entry = purchase_table_entry(table, row->id);

	if (unlikely(row->day > table->rule.as_of))
	{
		table->rows.future++;
		entry->next_day = Min(entry->next_day, row->day);
		return;
	}
	entry->earliest = Min(entry->earliest, row->day);
	replace_summary(entry, summary_add(entry->summary, row->day, row->at, &row->amount));
}

void
purchase_table_flush(PurchaseTable *table)
{
	MemoryContext old = MemoryContextSwitchTo(table->entries);
	KeyMap	   *map = table->map;
	int			n = table->n_pending;

	/* the entry that the first slot points to is nearly always the right one */
	for (int i = 0; i < n; i++)
	{
		uint32		guess = (uint32) map->slots[keymap_slot(map, table->pending[i].hash)];

		if (guess != 0)
			__builtin_prefetch(keymap_entry(map, guess - 1));
	}
	for (int i = 0; i < n; i++)
	{
		PendingRow *row = &table->pending[i];
		PurchaseSummary *s;

		row->id = find_or_make(table, row->key, row->hash);
		s = purchase_table_entry(table, row->id)->summary;
		__builtin_prefetch(s);
		__builtin_prefetch((char *) s + 64);
	}
	for (int i = 0; i < n; i++)
	{
		PurchaseSummary *s = purchase_table_entry(table, table->pending[i].id)->summary;

		__builtin_prefetch(SUMMARY_DAYS(s) + s->n_days);
	}
	for (int i = 0; i < n; i++)
		apply_row(table, &table->pending[i]);

	table->n_pending = 0;
	MemoryContextSwitchTo(old);
	MemoryContextReset(table->scratch);
}

void
purchase_table_merge(PurchaseTable *table, Datum key, const PurchaseSummary *summary,
					 DateADT next_day, DateADT earliest)
{
	MemoryContext old = MemoryContextSwitchTo(table->entries);
	PurchaseEntry *entry = purchase_table_entry(table, find_or_make(table, key, keymap_hash(table->map, key)));

	replace_summary(entry, summary_merge(entry->summary, summary));
	entry->next_day = Min(entry->next_day, next_day);
	entry->earliest = Min(entry->earliest, earliest);
	MemoryContextSwitchTo(old);
}

uint32
purchase_table_touch(PurchaseTable *table, Datum key)
{
	MemoryContext old = MemoryContextSwitchTo(table->entries);
	uint32		id = find_or_make(table, key, keymap_hash(table->map, key));

	MemoryContextSwitchTo(old);
	return id;
}
