/* source.h: all purchases of a scorecard, or those of some customers, condensed. */
#ifndef CUSTPRIO_SOURCE_H
#define CUSTPRIO_SOURCE_H

#include "purchase_spill.h"

/*
 * What reading a source gives. With a spill, customers are in its partitions and the table is empty between
 * source_partition() calls; without one, they are all in the table and there is one partition.
 */
typedef struct SourceResult
{
	MemoryContext context;		/* of all that follows */
	PurchaseTable *table;
	PurchaseSpill *spill;
	bool		fast;			/* the table was scanned directly */
	int			workers;		/* parallel workers that took part */
} SourceResult;

/* Read the source under the active snapshot, as the current user. */
extern SourceResult *source_read(const Scorecard *card, DateADT as_of);

/* The same for the customers of the given keys only; always through a query, never spilled. */
extern SourceResult *source_read_customers(const Scorecard *card, DateADT as_of, const KeyMap *keys);

/*
 * source_index.c: whether that takes no scan of the whole source, as far as indexes tell. customer is canonical; to be
 * called within an owner scope.
 */
extern bool source_key_is_indexed(Oid source_relid, char *customer);

extern int	source_partitions(const SourceResult *result);

/* Make the table hold the customers of one partition. Partitions must be taken in order. */
extern void source_partition(SourceResult *result, int partition);

extern SourceResult *source_result_create(void);
extern void source_result_start(SourceResult *result, const PurchaseRule *rule);

/* source_scan.c: true when a direct scan gives the same rows as the query; then it was done. */
extern bool source_scan(const Scorecard *card, DateADT as_of, SourceResult *result);

/* Keep the table within custprio.rebuild_memory: write it out when it has grown over that. */
extern void source_limit_memory(SourceResult *result);

#endif
