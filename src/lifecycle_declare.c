/*
 * lifecycle_declare.c: set_lifecycle and clear_lifecycle, by what rules an owner has stages of life told.
 */
#include "custprio.h"

#include "card_argument.h"
#include "lifecycle.h"
#include "policy.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(custprio_set_lifecycle);
PG_FUNCTION_INFO_V1(custprio_clear_lifecycle);

/* Arguments of set_lifecycle */
enum
{
	ARG_NEW_DAYS = 1, ARG_MINIMUM_GAPS, ARG_RHYTHM_QUANTILE, ARG_LOST_AFTER, ARG_PERIOD, ARG_CHANGE, ARG_ALIVE_BELOW,
	ARG_LOYAL_DAYS, ARG_REASON
};

#define LIFECYCLE_AS_TEXT \
	"SELECT coalesce((SELECT (pg_catalog.to_jsonb(l) - 'scorecard_id')::text FROM custprio.lifecycle l" \
	" WHERE scorecard_id = $1), '{}')"

static Datum
days_argument(FunctionCallInfo fcinfo, int arg, const char *name, int least, const char *unit)
{
	policy_require(fcinfo, arg, name);
	if (PG_GETARG_INT32(arg) < least || PG_GETARG_INT32(arg) > LIFECYCLE_DAYS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %d and %d %s", name, least, LIFECYCLE_DAYS_MAX, unit),
				 errdetail("It is %d.", PG_GETARG_INT32(arg))));
	return PG_GETARG_DATUM(arg);
}

/* NaN fails both comparisons */
static Datum
real_argument(FunctionCallInfo fcinfo, int arg, const char *name, double least, double most)
{
	policy_require(fcinfo, arg, name);
	if (!(PG_GETARG_FLOAT8(arg) >= least && PG_GETARG_FLOAT8(arg) <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be between %g and %g", name, least, most),
				 errdetail("It is %g.", PG_GETARG_FLOAT8(arg))));
	return PG_GETARG_DATUM(arg);
}

/* set_lifecycle(name, new_days, minimum_gaps, rhythm_quantile, lost_after, period, change, alive_below, loyal_days, reason) */
Datum
custprio_set_lifecycle(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "set_lifecycle()");
	char	   *before = policy_text(card, LIFECYCLE_AS_TEXT);

	catalog_execute("INSERT INTO custprio.lifecycle (scorecard_id, new_days, minimum_gaps, rhythm_quantile, lost_after,"
					" period, change, alive_below, loyal_days) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
					" ON CONFLICT (scorecard_id) DO UPDATE SET new_days = EXCLUDED.new_days,"
					" minimum_gaps = EXCLUDED.minimum_gaps, rhythm_quantile = EXCLUDED.rhythm_quantile,"
					" lost_after = EXCLUDED.lost_after, period = EXCLUDED.period, change = EXCLUDED.change,"
					" alive_below = EXCLUDED.alive_below, loyal_days = EXCLUDED.loyal_days", 9,
					(Oid[]) {INT8OID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, INT4OID, FLOAT8OID, FLOAT8OID, INT4OID},
					(Datum[]) {Int64GetDatum(card->id), days_argument(fcinfo, ARG_NEW_DAYS, "new_days", 0, "days"),
							   days_argument(fcinfo, ARG_MINIMUM_GAPS, "minimum_gaps", 1, "gaps"),
							   real_argument(fcinfo, ARG_RHYTHM_QUANTILE, "rhythm_quantile", 0.5, 1),
							   real_argument(fcinfo, ARG_LOST_AFTER, "lost_after", 1, 100),
							   days_argument(fcinfo, ARG_PERIOD, "period", 1, "days"),
							   real_argument(fcinfo, ARG_CHANGE, "change", 0, 1),
							   real_argument(fcinfo, ARG_ALIVE_BELOW, "alive_below", 0, 1),
							   days_argument(fcinfo, ARG_LOYAL_DAYS, "loyal_days", 1, "purchase days")}, NULL);
	policy_note_change(card, "lifecycle", LIFECYCLE_AS_TEXT, before, policy_text_argument(fcinfo, ARG_REASON));
	PG_RETURN_VOID();
}

/* clear_lifecycle(name, reason) */
Datum
custprio_clear_lifecycle(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "clear_lifecycle()");
	char	   *before = policy_text(card, LIFECYCLE_AS_TEXT);

	catalog_execute("DELETE FROM custprio.lifecycle WHERE scorecard_id = $1", 1,
					(Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL);
	policy_note_change(card, "lifecycle", LIFECYCLE_AS_TEXT, before, policy_text_argument(fcinfo, 1));
	PG_RETURN_VOID();
}
