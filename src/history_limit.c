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

static void
execute(const char *sql, Oid type, Datum value)
{
	if (SPI_execute_with_args(sql, 1, &type, &value, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "statement failed: %s", sql);
}

void
history_trim(const Scorecard *card, DateADT as_of)
{
	char	   *history = quote_qualified_identifier(get_namespace_name(get_rel_namespace(card->history_relid)),
													 get_rel_name(card->history_relid));

	if (card->tier_history_age == NULL && card->tier_history_rows == 0)
		return;
	SPI_connect();
	if (card->tier_history_age)
		execute(psprintf("DELETE FROM %s WHERE ctid IN (SELECT h.ctid FROM (SELECT ctid, changed_on, tier,"
						 " pg_catalog.lead(changed_on) OVER (PARTITION BY customer_id ORDER BY changed_on, run_id) AS next"
						 " FROM %s) h WHERE h.changed_on < $1 AND (h.next <= $1 OR (h.next IS NULL AND h.tier IS NULL)))",
						 history, history),
				TIMESTAMPOID,
				DirectFunctionCall2(date_mi_interval, DateADTGetDatum(as_of), IntervalPGetDatum(card->tier_history_age)));
	if (card->tier_history_rows > 0)
		execute(psprintf("DELETE FROM %s WHERE ctid IN (SELECT ctid FROM %s ORDER BY changed_on DESC, run_id DESC OFFSET $1)",
						 history, history),
				INT8OID, Int64GetDatum(card->tier_history_rows));
	SPI_finish();
}
