/*
 * validate.c: validate(), how well each model of purchases would have predicted the recent past of a scorecard.
 *
 * The purchases up to a day (calibration) are fitted, and what the fit expects of the time after it (holdout) is put
 * beside what happened, as in P. Fader, B. Hardie and K. L. Lee, "Counting your customers the easy way" (2005). Two naive
 * predictors stand beside the models: each customer's purchases of the year before, and the RFM score.
 *
 * The source is read by one query of ours around the owner's expressions, as the owner in a security-restricted operation.
 */
#include "custprio.h"

#include "declaration.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "run.h"
#include "scorecard.h"

#include "catalog/pg_type.h"
#include "clv/value.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_validate);

#define HOLDOUT_MAX		36500

/*
 * Read under the owner scope's pinned search_path, which begins with pg_catalog.
 *
 * $1: last day of the holdout, $2: its length in days, $3: days per unit of time, $4: bins. %s: expressions and source.
 * Days with purchases are the events; x, t_x and T are in units of time as in a scorecard's own fit. Average ranks make
 * the correlation Spearman's where values are equal.
 */
static const char *const validation_query =
	"WITH days AS MATERIALIZED ("
	" SELECT c, day, sum(amount) FILTER (WHERE amount >= 0) AS gross FROM ("
	"  SELECT (%s) AS c, (%s)::date AS day, (%s)::numeric AS amount FROM %s WHERE %s) s"
	" WHERE c IS NOT NULL AND amount >= 0 AND amount NOT IN ('NaN', 'Infinity')"
	"  AND isfinite(day) AND day <= $1 GROUP BY 1, 2),"
	"numbered AS (SELECT *, row_number() OVER (PARTITION BY c ORDER BY day) AS nth FROM days),"
	"history AS MATERIALIZED (SELECT c,"
	"  (count(*) FILTER (WHERE day <= $1 - $2) - 1)::float8 AS x,"
	"  (max(day) FILTER (WHERE day <= $1 - $2) - min(day)) / $3 AS t_x,"
	"  ($1 - $2 - min(day)) / $3 AS t,"
	"  coalesce(avg(gross) FILTER (WHERE nth > 1 AND day <= $1 - $2), 0)::float8 AS m,"
	"  sum(gross) FILTER (WHERE day <= $1 - $2) AS revenue,"
	"  max(day) FILTER (WHERE day <= $1 - $2) AS last_day,"
	"  count(*) FILTER (WHERE day > $1 - $2 - 365 AND day <= $1 - $2)::float8 AS year_count,"
	"  coalesce(sum(gross) FILTER (WHERE day > $1 - $2 - 365 AND day <= $1 - $2), 0)::float8 AS year_value,"
	"  count(*) FILTER (WHERE day > $1 - $2)::float8 AS actual,"
	"  coalesce(sum(gross) FILTER (WHERE day > $1 - $2), 0)::float8 AS actual_value"
	" FROM numbered GROUP BY c HAVING min(day) <= $1 - $2),"
	"fits AS MATERIALIZED (SELECT custprio.fit_bgnbd(x, t_x, t) AS b, custprio.fit_mbgnbd(x, t_x, t) AS mb,"
	"  custprio.fit_pareto_nbd(x, t_x, t) AS p, custprio.fit_gamma_gamma(x, m) FILTER (WHERE m > 0) AS g FROM history),"
	"worth AS MATERIALIZED (SELECT h.*, $2 / $3 AS span,"
	"  CASE WHEN (f.g).converged AND (f.g).q > 1 THEN custprio.expected_value(f.g, CASE WHEN m > 0 THEN x ELSE 0 END, m) END AS value,"
	"  custprio.quantile_score(last_day, $4) OVER () + custprio.quantile_score(x, $4) OVER ()"
	"   + custprio.quantile_score(revenue, $4) OVER () AS rfm FROM history h, fits f),"
	"predicted AS MATERIALIZED ("
	" SELECT 1 AS nth, 'bgnbd'::text AS method, c, custprio.expected_purchases(f.b, x, t_x, t, span) AS n, value, actual, actual_value,"
	"  NULL::float8 AS given FROM worth, fits f WHERE (f.b).converged"
	" UNION ALL SELECT 2, 'mbgnbd', c, custprio.expected_purchases(f.mb, x, t_x, t, span), value, actual, actual_value, NULL"
	"  FROM worth, fits f WHERE (f.mb).converged"
	" UNION ALL SELECT 3, 'pareto_nbd', c, custprio.expected_purchases(f.p, x, t_x, t, span), value, actual, actual_value, NULL"
	"  FROM worth, fits f WHERE (f.p).converged"
	" UNION ALL SELECT 4, 'last_year', c, year_count * $2 / 365, NULL, actual, actual_value, year_value * $2 / 365 FROM worth"
	" UNION ALL SELECT 5, 'rfm_score', c, NULL, NULL, actual, actual_value, rfm FROM worth),"
	"valued AS (SELECT *, coalesce(given, n * value, n) AS v,"
	"  CASE WHEN nth < 5 THEN coalesce(given, n * value) END AS predicted_value FROM predicted),"
	"ranked AS (SELECT *,"
	"  rank() OVER by_v + (count(*) OVER (PARTITION BY method, v) - 1) / 2.0::float8 AS rank_v,"
	"  rank() OVER by_actual + (count(*) OVER (PARTITION BY method, actual_value) - 1) / 2.0::float8 AS rank_actual,"
	"  count(*) OVER (PARTITION BY method) AS customers FROM valued"
	"  WINDOW by_v AS (PARTITION BY method ORDER BY v), by_actual AS (PARTITION BY method ORDER BY actual_value)),"
	/* the best tenth; of those who are equal at its edge each counts for the part that fits */
	"edge AS (SELECT *, greatest(0, least(1,"
	"   (customers * 0.1 - (rank() OVER (PARTITION BY method ORDER BY v DESC) - 1))"
	"   / count(*) OVER (PARTITION BY method, v))) AS share FROM ranked)"
	"SELECT names.method, CASE WHEN e.method IS NULL THEN coalesce(names.status, 'no customer') ELSE 'ok' END, e.customers, e.actual_purchases, e.predicted_purchases,"
	"  e.mae, e.rmse, e.bias, e.actual_value, e.predicted_value, e.value_mae, e.rank_correlation, e.decile_lift"
	" FROM (SELECT 1 AS nth, 'bgnbd'::text AS method, (b).status AS status FROM fits UNION ALL SELECT 2, 'mbgnbd', (mb).status FROM fits"
	"   UNION ALL SELECT 3, 'pareto_nbd', (p).status FROM fits UNION ALL SELECT 4, 'last_year', 'no customer'"
	"   UNION ALL SELECT 5, 'rfm_score', 'no customer') names"
	" LEFT JOIN (SELECT method, count(*) AS customers, sum(actual) AS actual_purchases,"
	"   sum(n) AS predicted_purchases, avg(abs(n - actual)) AS mae,"
	"   sqrt(avg((n - actual) * (n - actual))) AS rmse, avg(n - actual) AS bias,"
	"   sum(actual_value) AS actual_value, sum(predicted_value) AS predicted_value,"
	"   avg(abs(predicted_value - actual_value)) AS value_mae,"
	"   corr(rank_v, rank_actual) AS rank_correlation,"
	"   sum(actual_value * share) / nullif(sum(actual_value) * 0.1, 0) AS decile_lift"
	"   FROM edge GROUP BY method) e USING (method) ORDER BY names.nth";

/* validate(name, holdout): one row per method */
Datum
custprio_validate(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			holdout = PG_GETARG_INT32(1);
	int64		id = scorecard_id_by_name(name);
	Scorecard  *card;
	OwnerScope	scope;
	Datum		values[4];

	if (holdout < 1 || holdout > HOLDOUT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"holdout\" must be between 1 and %d days", HOLDOUT_MAX),
				 errdetail("It is %d.", holdout),
				 errhint("A quarter to a half of the time that the purchases span is usual.")));
	scorecard_check_caller(id, name);
	card = scorecard_load(id);
	scorecard_check_owner(card);
	if (card->history)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("scorecard \"%s\" has a history and cannot be validated", name),
				 errdetail("Purchases that are too old to count now did count when the holdout began."),
				 errhint("Validate a scorecard of the same source without history.")));
	if (!card->has_epoch)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("scorecard \"%s\" has published nothing yet", name),
				 errdetail("The holdout ends with the as-of day of what is published."), errhint("Refresh it first.")));
	values[0] = DateADTGetDatum(card->as_of);
	values[1] = Int32GetDatum(holdout);
	values[2] = Float8GetDatum(clv_unit_days(card->clv_time_unit, true));
	values[3] = Int32GetDatum(card->bins);
	InitMaterializedSRF(fcinfo, 0);
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(&scope, card->owner, card->time_zone);
	declaration_verify(card);
	SPI_connect();
	if (SPI_execute_with_args(psprintf(validation_query, card->customer, card->purchased_at, card->amount, card->source,
									   card->filter ? card->filter : "true"),
							  4, (Oid[]) {DATEOID, INT4OID, FLOAT8OID, INT4OID}, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "validation query failed");
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	owner_scope_leave(&scope);
	PopActiveSnapshot();
	return (Datum) 0;
}
