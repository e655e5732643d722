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
	bool		in_state;		/* met in the state table; for state.c */
} PurchaseEntry;

/* A row on its way from the source into its customer's summary. */
typedef struct StagedRow
{
	Datum		key;
	TimestampTz at;
	int64		mantissa;		/* of the amount */
	DateADT		day;
	int32		scale;
} StagedRow;

#define PURCHASE_PARTITION_BITS 6
#define PURCHASE_PARTITIONS (1 << PURCHASE_PARTITION_BITS)

/* The customers whose keys hash to one partition, and the rows that wait for them. */
typedef struct PurchasePartition
{
	MemoryContext keys;			/* by-reference keys of staged rows */
	KeyMap	   *map;
	Size		key_bytes;		/* what they take */
	StagedRow  *staged;
	int			n_staged;
	int			capacity;
} PurchasePartition;

typedef struct PurchaseTable
{
	PurchaseRule rule;
	MemoryContext context;		/* parent of all that follows */
	MemoryContext entries;		/* maps, and parent of the summaries'; reset by a spill */
	MemoryContext summaries;
	Size		summaries_size; /* allocated when last looked at */
	MemoryContext scratch;		/* of one row */
	ZoneDays   *zone;
	char	   *zone_name;
	RowCounts	rows;
	StagedRow  *stage;			/* room for all partitions' staged rows, once there are many; or NULL */
	int			stage_limit;	/* staged rows of a partition */
	Size		stage_key_limit;	/* bytes of their keys */
	PurchasePartition part[PURCHASE_PARTITIONS];
} PurchaseTable;

static inline int
purchase_partition(uint64 hash)
{
	return hash >> (64 - PURCHASE_PARTITION_BITS);
}

/* First day of the window that ends on as_of and is as long as the scorecard's history; DATEVAL_NOBEGIN: no window. */
extern DateADT purchase_window_start(const Scorecard *card, DateADT as_of);

extern void purchase_rule_set(PurchaseRule *rule, const Scorecard *card, DateADT as_of, Oid time_type, Oid amount_type);
extern PurchaseTable *purchase_table_create(const PurchaseRule *rule);
extern void purchase_table_reset(PurchaseTable *table);
extern Size purchase_table_memory(PurchaseTable *table);

/*
 * Take one row (customer, time, amount as the source gives them). Rows are staged; every partition must be flushed after
 * the last one. True when customers were just worked on, so that memory may have grown.
 */
extern bool purchase_table_add(PurchaseTable *table, const Datum *values, const bool *nulls);
extern void purchase_table_flush(PurchaseTable *table, int partition);
extern void purchase_table_flush_all(PurchaseTable *table);

/* Merge what another process, or an earlier spill, knows of a customer. */
extern void purchase_table_merge(PurchaseTable *table, Datum key, const PurchaseSummary *summary,
								 DateADT next_day, DateADT earliest);

/* The customer's entry, made with an empty summary if need be; or NULL where there is none. */
extern PurchaseEntry *purchase_table_touch(PurchaseTable *table, Datum key);
extern PurchaseEntry *purchase_table_find(const PurchaseTable *table, Datum key);

static inline PurchaseEntry *
purchase_entry(const PurchasePartition *part, uint32 id)
{
	return (PurchaseEntry *) keymap_entry(part->map, id);
}

/* Have what purchase_table_merge() will need fetched into the caches: first the slots of many keys, then the rest. */
static inline void
purchase_table_prefetch_slot(const PurchaseTable *table, Datum key)
{
	uint64		hash = keymap_hash(table->part[0].map, key);
	const KeyMap *map = table->part[purchase_partition(hash)].map;

	__builtin_prefetch(&map->slots[keymap_slot(map, hash)]);
}

static inline void
purchase_table_prefetch_summary(const PurchaseTable *table, Datum key)
{
	uint64		hash = keymap_hash(table->part[0].map, key);
	const PurchasePartition *part = &table->part[purchase_partition(hash)];
	uint32		guess = keymap_guess(part->map, hash);

	if (guess != KEYMAP_NONE)
		__builtin_prefetch(purchase_entry(part, guess)->summary);
}

#endif
