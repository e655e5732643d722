/*
 * benchmark.c: figures of others for the statistics of a scorecard's metrics, as the user found them.
 *
 * compare_benchmarks (sql/78-benchmark.sql) puts what describe() finds beside them.
 */
#include "custprio.h"

#include <math.h>

#include "card_argument.h"
#include "catalog/pg_type.h"
#include "metric.h"
#include "miscadmin.h"
#include "policy.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_set_benchmark);

enum
{
	ARG_NAME, ARG_METRIC, ARG_STATISTIC, ARG_VALUE, ARG_SOURCE, ARG_VALID_ON
};

/* As describe() names them. */
static const char *const own_metrics[] = {"recency", "frequency", "monetary", "average_order_value", "clv", "priority"};
static const char *const statistics[] = {"mean", "standard_deviation", "skewness", "minimum", "p10", "p25", "median", "p75",
"p90", "maximum", "zero_share", "gini", "top_20_share"};

static bool
is_among(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* set_benchmark(name, metric, statistic, value, source, valid_on): value NULL: none of that source any more */
Datum
custprio_set_benchmark(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "set_benchmark()");
	char	   *metric = required_text(fcinfo, ARG_METRIC, "metric");
	char	   *statistic = required_text(fcinfo, ARG_STATISTIC, "statistic");
	char	   *source = required_text(fcinfo, ARG_SOURCE, "source");
	Datum		key[] = {Int64GetDatum(card->id), CStringGetTextDatum(metric), CStringGetTextDatum(statistic),
	CStringGetTextDatum(source)};

	if (!is_among(statistic, statistics, lengthof(statistics)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"statistic\": there is no statistic \"%s\"", statistic),
				 errhint("It is a column of custprio.describe, such as mean, median or p90.")));
	/* a metric that is dropped leaves its figures, which can still be removed */
	if (!PG_ARGISNULL(ARG_VALUE) && metric_find(card, metric) < 0 && !is_among(metric, own_metrics, lengthof(own_metrics)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("argument \"metric\": scorecard \"%s\" has no metric \"%s\"", card->name, metric),
				 errhint("SELECT metric FROM custprio.describe(%s) lists the metrics.", quote_literal_cstr(card->name))));
	if (catalog_execute("DELETE FROM custprio.benchmark WHERE scorecard_id = $1 AND metric = $2 AND statistic = $3"
						" AND source = $4", 4, (Oid[]) {INT8OID, TEXTOID, TEXTOID, TEXTOID}, key, NULL) == 0 &&
		PG_ARGISNULL(ARG_VALUE))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no such benchmark", card->name),
				 errhint("SELECT metric, statistic, source FROM custprio.benchmark lists the benchmarks.")));
	if (PG_ARGISNULL(ARG_VALUE))
		PG_RETURN_VOID();
	if (!isfinite(PG_GETARG_FLOAT8(ARG_VALUE)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"value\" must be finite"),
				 errdetail("It is %s.", float8out_internal(PG_GETARG_FLOAT8(ARG_VALUE)))));
	(void) policy_day_argument(fcinfo, ARG_VALID_ON, "valid_on", 0, NULL);
	catalog_execute("INSERT INTO custprio.benchmark (scorecard_id, metric, statistic, source, value, valid_on, set_by)"
					" VALUES ($1, $2, $3, $4, $5, $6, $7)", 7,
					(Oid[]) {INT8OID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, DATEOID, TEXTOID},
					(Datum[]) {key[0], key[1], key[2], key[3], PG_GETARG_DATUM(ARG_VALUE), PG_GETARG_DATUM(ARG_VALID_ON),
							   CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))},
					PG_ARGISNULL(ARG_VALID_ON) ? "     n " : NULL);
	PG_RETURN_VOID();
}
