/* purchase_spill.h: customers of a purchase table in temporary files, split by hash of the key. */
#ifndef CUSTPRIO_PURCHASE_SPILL_H
#define CUSTPRIO_PURCHASE_SPILL_H

#include "purchase_table.h"

#include "storage/buffile.h"
#include "storage/fileset.h"

typedef struct PurchaseSpill
{
	BufFile    *file[PURCHASE_PARTITIONS];
} PurchaseSpill;

/* Files of this process alone, or files in a set that another process opens by the writer's number. */
extern PurchaseSpill *purchase_spill_create(void);
extern PurchaseSpill *purchase_spill_create_shared(FileSet *files, int writer);
extern void purchase_spill_close(PurchaseSpill *spill);

/* Append every customer of the table to the files, and empty the table. */
extern void purchase_spill_write(PurchaseSpill *spill, PurchaseTable *table);

/*
 * Append one partition's customers, staged rows included, to its file and close that: from then on another process can
 * read it. No file is open after the last.
 */
extern void purchase_spill_hand_over(PurchaseSpill *spill, int partition, PurchaseTable *table);

/*
 * Merge one partition into a table. With overflow, the table is written there each time that it fills more than limit
 * bytes. Returns whether that happened.
 */
extern bool purchase_spill_read(PurchaseSpill *spill, int partition, PurchaseTable *table,
								PurchaseSpill *overflow, Size limit);

/* The same of what a writer has handed over. */
extern bool purchase_spill_read_shared(FileSet *files, int writer, int partition, PurchaseTable *table,
									   PurchaseSpill *overflow, Size limit);

#endif
