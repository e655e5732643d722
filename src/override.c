/*
 * override.c: set_override and clear_override, what people decide about single customers.
 *
 * An override takes effect at the next refresh; where changes are captured the customer is queued for it, like one who
 * bought. What the scores say goes on beside it in scored_tier. Rows stay in custprio.tier_override when they are over,
 * so that it tells who decided what, when and why.
 */
#include "custprio.h"

#include "card_argument.h"
#include "policy.h"
#include "query.h"
#include "queue.h"
#include "tier_policy.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "zone_days.h"

PG_FUNCTION_INFO_V1(custprio_set_override);
PG_FUNCTION_INFO_V1(custprio_clear_override);

/* Arguments of set_override */
enum
{
	SET_CUSTOMER = 1, SET_KIND, SET_TIER, SET_REASON, SET_EXPIRES, SET_STARTS
};

/* and of clear_override */
enum
{
	CLEAR_CUSTOMER = 1, CLEAR_REASON
};

#define HINT_DAY "Leave it out for an override without end."
#define HINT_REASON "Say why, so that whoever looks at it later understands."

static void
require_reason(FunctionCallInfo fcinfo, int arg)
{
	char	   *reason = policy_text_argument(fcinfo, arg);

	if (reason == NULL || strspn(reason, " \t\r\n") == strlen(reason))
		ereport(ERROR,
				(errcode(reason ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"reason\" must not be %s", reason ? "empty" : "NULL"),
				 errhint(HINT_REASON)));
}

static void
note_row(TupleTableSlot *slot, void *arg)
{
	*(bool *) arg = true;
}

/* The customer as its key type writes it, in a map of one; it must be one whom the scorecard has published. */
static KeyMap *
customer_key(FunctionCallInfo fcinfo, int arg, const Scorecard *card, bool must_exist, char **text)
{
	KeyMap	   *map = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	bool		exists = false;
	QueryRows	rows = {NULL, note_row, &exists};
	OwnerScope	scope;
	Datum		key;
	Oid			function;
	Oid			ioparam;
	bool		varlena;
	bool		found;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	policy_require(fcinfo, arg, "customer");
	*text = policy_text_argument(fcinfo, arg);
	owner_scope_enter(&scope, card->owner, card->time_zone);
	getTypeInputInfo(card->key_type, &function, &ioparam);
	key = OidInputFunctionCall(function, *text, ioparam, -1);
	getTypeOutputInfo(card->key_type, &function, &varlena);
	*text = OidOutputFunctionCall(function, key);
	keymap_insert(map, key, keymap_hash(map, key), &found);
	if (must_exist)
	{
		get_typlenbyvalalign(card->key_type, &typlen, &typbyval, &typalign);
		PushActiveSnapshot(GetLatestSnapshot());
		query_each(psprintf("SELECT 1 FROM %s WHERE customer_id OPERATOR(pg_catalog.=) ANY ($1)",
							quote_qualified_identifier(card->schema, get_rel_name(card->priority_relid))),
				   get_array_type(card->key_type),
				   PointerGetDatum(construct_array(&key, 1, card->key_type, typlen, typbyval, typalign)), &rows,
				   psprintf("the customers of scorecard \"%s\"", card->name));
		PopActiveSnapshot();
	}
	owner_scope_leave(&scope);
	if (must_exist && !exists)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("argument \"customer\": scorecard \"%s\" has no customer \"%s\"", card->name, *text),
				 errhint("SELECT customer_id FROM %s lists the customers; refresh the scorecard to have new ones in it.",
						 quote_qualified_identifier(card->schema, get_rel_name(card->priority_relid)))));
	return map;
}

/* The kind, and for all but freeze a tier of the ladder. */
static OverrideKind
read_kind(FunctionCallInfo fcinfo, const Scorecard *card)
{
	char	   *name;
	OverrideKind kind = OVERRIDE_SET;

	policy_require(fcinfo, SET_KIND, "kind");
	name = policy_text_argument(fcinfo, SET_KIND);
	while (kind < OVERRIDE_FREEZE && strcmp(name, override_kind_name(kind)) != 0)
		kind++;
	if (strcmp(name, override_kind_name(kind)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"kind\" must be set, floor, ceiling or freeze"),
				 errdetail("It is \"%s\".", name)));
	if (kind == OVERRIDE_FREEZE)
	{
		if (!PG_ARGISNULL(SET_TIER))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"tier\" does not go with kind freeze"),
					 errhint("A frozen customer stays in its tier; use kind set to give it another.")));
		return kind;
	}
	policy_require(fcinfo, SET_TIER, "tier");
	if (card->tier_policy->position[PG_GETARG_CUSTOMER_TIER(SET_TIER)] < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"tier\": scorecard \"%s\" has no tier %c", card->name,
						tier_letter(PG_GETARG_CUSTOMER_TIER(SET_TIER))),
				 errhint("SELECT tier FROM custprio.tier_rule lists its tiers.")));
	return kind;
}

/* The day that published rows stand for, else today: where an override begins that says nothing else. */
static DateADT
present_day(const Scorecard *card)
{
	DateADT		today = card->zone ? zone_today(card->zone) :
		DatumGetDateADT(DirectFunctionCall1(timestamptz_date, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())));

	return card->has_epoch ? Min(card->as_of, today) : today;
}

static void
raise_overlap(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	char	   *customer = arg;
	char	   *kind = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	char	   *period = TextDatumGetCString(heap_getattr(row, 2, desc, &isnull));

	ereport(ERROR,
			(errcode(ERRCODE_EXCLUSION_VIOLATION),
			 errmsg("argument \"customer\": customer \"%s\" has an override in that time", customer),
			 errdetail("It is of kind %s and holds %s.", kind, period),
			 errhint("End it with clear_override first, or choose days that it leaves free with starts and expires.")));
}

/* Have the next refresh look at the customer. */
static void
queue_customer(const Scorecard *card, const KeyMap *customer)
{
	if (card->capture)
		queue_add(card->id, customer);
}

/* set_override(name, customer, kind, tier, reason, expires, starts) */
Datum
custprio_set_override(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "set_override()");
	char	   *customer;
	KeyMap	   *key;
	OverrideKind kind;
	DateADT		starts;
	DateADT		expires;
	bool		frozen;

	kind = read_kind(fcinfo, card);
	frozen = kind == OVERRIDE_FREEZE;
	require_reason(fcinfo, SET_REASON);
	starts = policy_day_argument(fcinfo, SET_STARTS, "starts", present_day(card), HINT_DAY);
	expires = policy_day_argument(fcinfo, SET_EXPIRES, "expires", NO_DAY, HINT_DAY);
	if (expires < starts)
	{
		char		text[2][MAXDATELEN + 1];

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"expires\" must not be before the override starts"),
				 errdetail("It would start on %s and expire on %s.", custprio_date_text(starts, text[0]),
						   custprio_date_text(expires, text[1]))));
	}
	key = customer_key(fcinfo, SET_CUSTOMER, card, true, &customer);
	catalog_select("SELECT kind, pg_catalog.format('from %s %s', starts, coalesce('to ' || expires, 'without end'))"
				   " FROM custprio.tier_override WHERE scorecard_id = $1 AND customer = $2 AND cleared_at IS NULL"
				   " AND (expires IS NULL OR expires >= $3) AND ($4 IS NULL OR starts <= $4) LIMIT 1", 4,
				   (Oid[]) {INT8OID, TEXTOID, DATEOID, DATEOID},
				   (Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(customer), DateADTGetDatum(starts),
							  DateADTGetDatum(expires)},
				   (char[]) {' ', ' ', ' ', expires == NO_DAY ? 'n' : ' ', '\0'}, raise_overlap, customer);
	catalog_execute("INSERT INTO custprio.tier_override (scorecard_id, customer, kind, tier, starts, expires, reason, set_by)"
					" VALUES ($1, $2, $3, $4::custprio.customer_tier, $5, $6, $7, $8)", 8,
					(Oid[]) {INT8OID, TEXTOID, TEXTOID, INT4OID, DATEOID, DATEOID, TEXTOID, TEXTOID},
					(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(customer),
							   CStringGetTextDatum(override_kind_name(kind)),
							   Int32GetDatum(frozen ? 0 : PG_GETARG_CUSTOMER_TIER(SET_TIER)), DateADTGetDatum(starts),
							   DateADTGetDatum(expires), CStringGetTextDatum(policy_text_argument(fcinfo, SET_REASON)),
							   CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))},
					(char[]) {' ', ' ', ' ', frozen ? 'n' : ' ', ' ', expires == NO_DAY ? 'n' : ' ', ' ', ' ', '\0'});
	queue_customer(card, key);
	PG_RETURN_VOID();
}

/* clear_override(name, customer, reason): end what is in force or to come */
Datum
custprio_clear_override(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "clear_override()");
	char	   *customer;
	KeyMap	   *key = customer_key(fcinfo, CLEAR_CUSTOMER, card, false, &customer);
	char	   *reason = policy_text_argument(fcinfo, CLEAR_REASON);

	if (catalog_execute("UPDATE custprio.tier_override SET cleared_at = pg_catalog.clock_timestamp(), cleared_by = $4,"
						" clear_reason = $5 WHERE scorecard_id = $1 AND customer = $2 AND cleared_at IS NULL"
						" AND (expires IS NULL OR expires >= $3)", 5,
						(Oid[]) {INT8OID, TEXTOID, DATEOID, TEXTOID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(customer),
								   DateADTGetDatum(present_day(card)),
								   CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)),
								   reason ? CStringGetTextDatum(reason) : (Datum) 0},
						(char[]) {' ', ' ', ' ', ' ', reason ? ' ' : 'n', '\0'}) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("customer \"%s\" of scorecard \"%s\" has no override to clear", customer, card->name),
				 errhint("SELECT * FROM custprio.overrides lists them.")));
	queue_customer(card, key);
	PG_RETURN_VOID();
}
