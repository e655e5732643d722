/*
 * purchase_spill.c: customers of a purchase table in temporary files.
 *
 * Summaries merge exactly in any order, so a table that is full can be written out and begun afresh, and parallel
 * workers hand over their part the same way. Files are split by hash: a partition holds all there is of its
 * customers, and partitions can be finished one after the other in bounded memory.
 */
#include "custprio.h"

#include "purchase_spill.h"

#include <fcntl.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define READ_BATCH 64			/* customers; what is known of them lies in no order in memory */

PurchaseSpill *
purchase_spill_create(void)
{
	PurchaseSpill *spill = palloc(sizeof(PurchaseSpill));

	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		spill->file[i] = BufFileCreateTemp(false);
	return spill;
}

static char *
shared_name(char *buf, Size size, int writer, int partition)
{
	snprintf(buf, size, "purchases.%d.%d", writer, partition);
	return buf;
}

PurchaseSpill *
purchase_spill_create_shared(FileSet *files, int writer)
{
	PurchaseSpill *spill = palloc(sizeof(PurchaseSpill));
	char		name[64];

	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		spill->file[i] = BufFileCreateFileSet(files, shared_name(name, sizeof(name), writer, i));
	return spill;
}

void
purchase_spill_close(PurchaseSpill *spill)
{
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		BufFileClose(spill->file[i]);
	pfree(spill);
}

static void
write_entry(BufFile *file, const KeyMap *map, PurchaseEntry *entry)
{
	Size		size = SUMMARY_SIZE(entry->summary);

	if (map->byval)
		BufFileWrite(file, &entry->key, sizeof(Datum));
	else
	{
		Size		len;
		const char *bytes = keymap_bytes(map, entry->key, &len);

		BufFileWrite(file, &len, sizeof(Size));
		BufFileWrite(file, unconstify(char *, bytes), len);
	}
	BufFileWrite(file, &entry->next_day, sizeof(DateADT));
	BufFileWrite(file, &entry->earliest, sizeof(DateADT));
	SET_VARSIZE(entry->summary, size);	/* slack stays here */
	BufFileWrite(file, &size, sizeof(Size));
	BufFileWrite(file, entry->summary, size);
}

static void
write_partition(PurchaseSpill *spill, int partition, PurchaseTable *table)
{
	PurchasePartition *part = &table->part[partition];

	CHECK_FOR_INTERRUPTS();
	purchase_table_flush(table, partition);
	for (uint32 id = 0; id < part->map->n; id++)
		write_entry(spill->file[partition], part->map, purchase_entry(part, id));
}

void
purchase_spill_write(PurchaseSpill *spill, PurchaseTable *table)
{
	for (int i = 0; i < PURCHASE_PARTITIONS; i++)
		write_partition(spill, i, table);
	purchase_table_reset(table);
}

void
purchase_spill_hand_over(PurchaseSpill *spill, int partition, PurchaseTable *table)
{
	write_partition(spill, partition, table);
	BufFileClose(spill->file[partition]);
}

/* Read exactly size bytes; false at the end of the file, where nothing may be half there. */
static bool
read_bytes(BufFile *file, void *to, Size size, bool end_allowed)
{
	Size		got = BufFileRead(file, to, size);

	if (got == size)
		return true;
	if (got != 0 || !end_allowed)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read temporary file of purchases: read only %zu of %zu bytes", got, size)));
	return false;
}

/* What the file has of one customer. */
typedef struct SpilledEntry
{
	Datum		key;
	PurchaseSummary *summary;
	DateADT		next_day;
	DateADT		earliest;
} SpilledEntry;

/* The next customer of a file, in the current memory context; false at its end. */
static bool
read_entry(BufFile *file, const KeyMap *map, SpilledEntry *entry)
{
	DateADT		days[2];
	Size		size;

	if (!read_bytes(file, &entry->key, sizeof(Datum), true))
		return false;
	if (!map->byval)
	{
		Size		len = (Size) entry->key;
		Size		header = map->typlen > 0 ? 0 : VARHDRSZ;
		char	   *bytes = palloc(header + len);

		if (header > 0)
			SET_VARSIZE(bytes, header + len);
		read_bytes(file, bytes + header, len, false);
		entry->key = PointerGetDatum(bytes);
	}
	read_bytes(file, days, sizeof(days), false);
	entry->next_day = days[0];
	entry->earliest = days[1];
	read_bytes(file, &size, sizeof(Size), false);
	entry->summary = palloc(size);
	read_bytes(file, entry->summary, size, false);
	return true;
}

/* Merge what a file holds of a partition, from where it stands, into a table. */
static bool
read_partition(BufFile *file, int partition, PurchaseTable *table, PurchaseSpill *overflow, Size limit)
{
	MemoryContext batch = AllocSetContextCreate(CurrentMemoryContext, "custprio spilled customers", ALLOCSET_DEFAULT_SIZES);
	bool		overflowed = false;
	int			n;

	do
	{
		SpilledEntry entries[READ_BATCH];
		MemoryContext old = MemoryContextSwitchTo(batch);
		/* the map may be another one after an overflow */
		const KeyMap *map = table->part[partition].map;

		for (n = 0; n < READ_BATCH && read_entry(file, map, &entries[n]); n++)
			purchase_table_prefetch_slot(table, entries[n].key);
		MemoryContextSwitchTo(old);
		for (int i = 0; i < n; i++)
			purchase_table_prefetch_summary(table, entries[i].key);
		for (int i = 0; i < n; i++)
			purchase_table_merge(table, entries[i].key, entries[i].summary, entries[i].next_day, entries[i].earliest);
		MemoryContextReset(batch);

		CHECK_FOR_INTERRUPTS();
		if (overflow && purchase_table_memory(table) > limit)
		{
			purchase_spill_write(overflow, table);
			overflowed = true;
		}
	} while (n == READ_BATCH);
	MemoryContextDelete(batch);
	return overflowed;
}

bool
purchase_spill_read(PurchaseSpill *spill, int partition, PurchaseTable *table, PurchaseSpill *overflow, Size limit)
{
	if (BufFileSeek(spill->file[partition], 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind temporary file of purchases")));
	return read_partition(spill->file[partition], partition, table, overflow, limit);
}

bool
purchase_spill_read_shared(FileSet *files, int writer, int partition, PurchaseTable *table, PurchaseSpill *overflow,
						   Size limit)
{
	char		name[64];
	BufFile    *file = BufFileOpenFileSet(files, shared_name(name, sizeof(name), writer, partition), O_RDONLY, false);
	bool		overflowed = read_partition(file, partition, table, overflow, limit);

	BufFileClose(file);
	return overflowed;
}
