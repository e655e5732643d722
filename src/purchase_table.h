/* purchase_table.h: rows of the source in, one purchase_summary per customer out; in memory. */
#ifndef CUSTPRIO_PURCHASE_TABLE_H
#define CUSTPRIO_PURCHASE_TABLE_H

#include "keymap.h"
#include "purchase_summary.h"
#include "refresh.h"

/* No such day. Sorts after every day. */
#define NO_DAY DATEVAL_NOEND

/* How rows become purchases: plain data, so that a parallel worker gets it as bytes. */
typedef struct PurchaseRule
{
	Oid			key_type;
	Oid			time_type;		/* date, timestamp or timestamptz */
	Oid			amount_type;	/* int2, int4, int8, float4, float8 or numeric */
	DateADT		as_of;			/* rows of later days are left out */
	DateADT		from_day;		/* rows of earlier days are left out; DATEVAL_NOBEGIN: none */
	char		zone[TZ_STRLEN_MAX + 1];
} PurchaseRule;

typedef struct PurchaseEntry
{
	Datum		key;
	PurchaseSummary *summary;	/* never NULL; has slack */
	DateADT		next_day;		/* first day after as_of with a row, or NO_DAY */
	DateADT		earliest;		/* first counted day with any row, or NO_DAY */
} PurchaseEntry;

#define PURCHASE_BATCH 128

/* A row on its way from the source into its customer's summary. */
typedef struct PendingRow
{
	uint64		hash;
	Datum		key;
	TimestampTz at;
	DateADT		day;
	uint32		id;
	PurchaseAmount amount;
} PendingRow;

typedef struct PurchaseTable
{
	PurchaseRule rule;
	MemoryContext context;		/* parent of all that follows */
	MemoryContext entries;		/* map and summaries; reset by a spill */
	MemoryContext scratch;		/* keys and amounts of pending rows */
	KeyMap	   *map;
	ZoneDays   *zone;
	char	   *zone_name;
	RowCounts	rows;
	int			n_pending;
	PendingRow	pending[PURCHASE_BATCH];
} PurchaseTable;

extern void purchase_rule_set(PurchaseRule *rule, const Scorecard *card, DateADT as_of, Oid time_type, Oid amount_type);
extern PurchaseTable *purchase_table_create(const PurchaseRule *rule);
extern void purchase_table_reset(PurchaseTable *table);
extern Size purchase_table_memory(PurchaseTable *table);

/*
 * Take one row (customer, time, amount as the source gives them). Rows wait in a batch; purchase_table_flush() works
 * it off and must be called after the last row. True when a batch was just worked off.
 */
extern bool purchase_table_add(PurchaseTable *table, const Datum *values, const bool *nulls);
extern void purchase_table_flush(PurchaseTable *table);

/* Merge what another process, or an earlier spill, knows of a customer. */
extern void purchase_table_merge(PurchaseTable *table, Datum key, const PurchaseSummary *summary,
								 DateADT next_day, DateADT earliest);

/* Make sure that a customer has an entry, with an empty summary if need be. */
extern uint32 purchase_table_touch(PurchaseTable *table, Datum key);

static inline PurchaseEntry *
purchase_table_entry(const PurchaseTable *table, uint32 id)
{
	return (PurchaseEntry *) keymap_entry(table->map, id);
}

#endif
