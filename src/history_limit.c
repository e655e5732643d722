/*
 * history_limit.c: the bounds of the tier history, by age and by number of rows.
 *
 * The history is trimmed when an epoch begins. By age, a row goes once a later one of the same customer is older than
 * tier_history_age too: what remains tells the tier of every customer on every day within that time. By number, the
 * latest rows stay.
 */
#include "custprio.h"

#include "history_limit.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Delete some rows of the history; the latest run of which one went, or 0. */
static int64
delete_rows(const char *history, const char *rows, Oid type, Datum value)
{
	char	   *sql = psprintf("WITH gone AS (DELETE FROM %s WHERE ctid IN (%s) RETURNING run_id)"
							   " SELECT COALESCE(pg_catalog.max(run_id), 0) FROM gone", history, rows);
	bool		isnull;

	if (SPI_execute_with_args(sql, 1, &type, &value, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "statement failed: %s", sql);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

int64
history_trim(const Scorecard *card, DateADT as_of)
{
	char	   *history = quote_qualified_identifier(get_namespace_name(get_rel_namespace(card->history_relid)),
													 get_rel_name(card->history_relid));
	int64		by_age = 0;
	int64		by_number = 0;

	if (card->tier_history_age == NULL && card->tier_history_rows == 0)
		return 0;
	SPI_connect();
	if (card->tier_history_age)
		by_age = delete_rows(history,
							 psprintf("SELECT h.ctid FROM (SELECT ctid, changed_on, tier,"
									  " pg_catalog.lead(changed_on) OVER (PARTITION BY customer_id ORDER BY changed_on, run_id) AS next"
									  " FROM %s) h WHERE h.changed_on < $1 AND (h.next <= $1 OR (h.next IS NULL AND h.tier IS NULL))",
									  history),
							 TIMESTAMPOID,
							 DirectFunctionCall2(date_mi_interval, DateADTGetDatum(as_of),
												 IntervalPGetDatum(card->tier_history_age)));
	if (card->tier_history_rows > 0)
		by_number = delete_rows(history,
								psprintf("SELECT ctid FROM %s ORDER BY changed_on DESC, run_id DESC OFFSET $1", history),
								INT8OID, Int64GetDatum(card->tier_history_rows));
	SPI_finish();
	return Max(by_age, by_number);
}

void
history_note_trimmed(const Scorecard *card, int64 run_id)
{
	catalog_execute("UPDATE custprio.scorecard SET trimmed_run = $2 WHERE scorecard_id = $1 AND trimmed_run < $2", 2,
					(Oid[]) {INT8OID, INT8OID}, (Datum[]) {Int64GetDatum(card->id), Int64GetDatum(run_id)}, NULL);
}
