/*
 * regime_declare.c: add_regime and drop_regime, how an owner says when the rules of a market changed.
 */
#include "custprio.h"

#include "card_argument.h"
#include "policy.h"
#include "regime.h"
#include "zone_days.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(custprio_add_regime);
PG_FUNCTION_INFO_V1(custprio_drop_regime);

enum
{
	ADD_NAME, ADD_REGIME, ADD_STARTS_ON, ADD_APPLIES_FROM, ADD_DESCRIPTION, ADD_REASON
};

#define REGIMES_AS_TEXT \
	"SELECT coalesce(pg_catalog.jsonb_object_agg(regime, pg_catalog.to_jsonb(r) - '{scorecard_id,regime}'::text[]), '{}')::text" \
	" FROM custprio.regime r WHERE scorecard_id = $1"

/* Note the change; and what the state holds was counted under the old regimes. */
static void
note_change(const Scorecard *card, const char *before, FunctionCallInfo fcinfo, int reason)
{
	policy_note_change(card, "regimes", REGIMES_AS_TEXT, before, policy_text_argument(fcinfo, reason));
	catalog_execute("UPDATE custprio.scorecard SET version = version + 1 WHERE scorecard_id = $1", 1,
					(Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL);
}

/* add_regime(name, regime, starts_on, applies_from, description, reason) */
Datum
custprio_add_regime(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "add_regime()");
	char	   *regime = required_text(fcinfo, ADD_REGIME, "regime");
	char	   *before = policy_text(card, REGIMES_AS_TEXT);
	char		day[2][MAXDATELEN + 1];
	DateADT		starts_on;
	DateADT		applies_from;

	policy_require(fcinfo, ADD_STARTS_ON, "starts_on");
	starts_on = policy_day_argument(fcinfo, ADD_STARTS_ON, "starts_on", 0, NULL);
	applies_from = policy_day_argument(fcinfo, ADD_APPLIES_FROM, "applies_from", starts_on, NULL);
	if (applies_from < starts_on)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"applies_from\" must not be before \"starts_on\""),
				 errdetail("%s is before %s.", custprio_date_text(applies_from, day[0]),
						   custprio_date_text(starts_on, day[1]))));
	if (catalog_execute("INSERT INTO custprio.regime (scorecard_id, regime, starts_on, applies_from, description)"
						" VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING", 5,
						(Oid[]) {INT8OID, TEXTOID, DATEOID, DATEOID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(regime), DateADTGetDatum(starts_on),
								   DateADTGetDatum(applies_from), PG_GETARG_DATUM(ADD_DESCRIPTION)},
						PG_ARGISNULL(ADD_DESCRIPTION) ? "    n" : NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("argument \"regime\": scorecard \"%s\" has a regime \"%s\" already", card->name, regime),
				 errhint("Drop it first with drop_regime.")));
	note_change(card, before, fcinfo, ADD_REASON);
	PG_RETURN_VOID();
}

/* drop_regime(name, regime, reason) */
Datum
custprio_drop_regime(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "drop_regime()");
	char	   *regime = required_text(fcinfo, 1, "regime");
	char	   *before = policy_text(card, REGIMES_AS_TEXT);

	if (catalog_execute("DELETE FROM custprio.regime WHERE scorecard_id = $1 AND regime = $2", 2,
						(Oid[]) {INT8OID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(regime)}, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no regime \"%s\"", card->name, regime),
				 errhint("SELECT regime FROM custprio.regime lists the regimes.")));
	note_change(card, before, fcinfo, 2);
	PG_RETURN_VOID();
}
