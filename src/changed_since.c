/*
 * changed_since.c: changed customers told by the time of a row's last change, for sources without triggers.
 *
 * A refresh keeps a mark: every change that it did not see was, or will be, made by a transaction that began later. The
 * next one takes the customers of all rows that carry a time from the mark on. Rows get the time at which their
 * transaction began or a later one, as with now(), so the mark is the earliest begin among the transactions that are open
 * when the refresh takes its snapshot, less custprio.changed_since_overlap for clocks that differ and for open
 * transactions of other servers. Of a prepared transaction nobody knows when it began: while there is one, the mark
 * stays where it is, since an earlier refresh saw it open.
 *
 * What leaves no time behind is not seen: deleted rows, the customer that a row has left, attached partitions. That is
 * what rebuild_every is for.
 */
#include "custprio.h"

#include "changed_since.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

typedef struct OpenTransactions
{
	TimestampTz earliest;
	bool		unknown;
} OpenTransactions;

static void
read_open(HeapTuple row, TupleDesc desc, void *arg)
{
	OpenTransactions *open = arg;
	bool		isnull;

	open->earliest = DatumGetTimestampTz(heap_getattr(row, 1, desc, &isnull));
	open->unknown = DatumGetBool(heap_getattr(row, 2, desc, &isnull));
}

TimestampTz
changed_since_next_mark(const Scorecard *card)
{
	OpenTransactions open;
	Oid			types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(GetCurrentTimestamp())};	/* before looking who is at work */

	catalog_select("SELECT least(pg_catalog.min(a.xact_start), $1),"
				   " coalesce(pg_catalog.bool_or(a.xact_start IS NULL"
				   "   AND (a.state = 'disabled' OR a.query = '<insufficient privilege>')), false)"
				   " OR EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database())"
				   " FROM pg_catalog.pg_stat_activity a WHERE a.datname = pg_catalog.current_database()",
				   1, types, values, NULL, read_open, &open);
	return open.unknown ? card->changed_mark : open.earliest - custprio_changed_since_overlap * USECS_PER_SEC;
}

ChangeQueue *
changed_since_read(const Scorecard *card)
{
	ChangeQueue *queue = palloc0(sizeof(ChangeQueue));

	queue->keys = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	/* a row without a time may have changed at any */
	if (card->changed_mark != 0)
		query_keys(psprintf("SELECT DISTINCT (%s) FROM %s WHERE (%s) OPERATOR(pg_catalog.>=) $1 OR (%s) IS NULL",
							card->customer, card->source, card->changed_since, card->changed_since),
				   TIMESTAMPTZOID, TimestampTzGetDatum(card->changed_mark), queue->keys,
				   psprintf("the changes of scorecard \"%s\"", card->name));
	return queue;
}
