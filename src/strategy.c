/*
 * strategy.c: what is to be done for the customers of each tier, and where it is noted what was done.
 *
 * A strategy is a plain row that the owner writes. The relation of contacts is the CRM's own, read with the owner's
 * rights; who asks for contacts gets those with customers that it can see (owner_rows.c).
 */
#include "custprio.h"

#include "aliases.h"
#include "card_argument.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "customer_tier.h"
#include "exact.h"
#include "expression.h"
#include "owner_rows.h"
#include "query.h"
#include "relation.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "zone_days.h"

PG_FUNCTION_INFO_V1(custprio_set_strategy);
PG_FUNCTION_INFO_V1(custprio_drop_strategy);
PG_FUNCTION_INFO_V1(custprio_set_contacts);
PG_FUNCTION_INFO_V1(custprio_contacts_made);

#define CONTACTS_MAX	"1000"	/* a month */

static Datum
number(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* A numeric argument from 0 to most, which a NaN is not. */
static void
check_number(FunctionCallInfo fcinfo, int arg, const char *argument, const char *most)
{
	if (!PG_ARGISNULL(arg) &&
		(DatumGetBool(DirectFunctionCall2(numeric_lt, PG_GETARG_DATUM(arg), number("0"))) ||
		 DatumGetBool(DirectFunctionCall2(numeric_gt, PG_GETARG_DATUM(arg), number(most)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must lie between 0 and %s", argument, most),
				 errdetail("It is %s.", exact_text(PG_GETARG_NUMERIC(arg)))));
}

/* A tier that the card's ladder has. */
static int
tier_argument(FunctionCallInfo fcinfo, int arg, const Scorecard *card)
{
	CustomerTier tier;

	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"tier\" must not be NULL")));
	tier = DatumGetUInt8(PG_GETARG_DATUM(arg));
	for (int i = 0; i < card->n_tiers; i++)
		if (card->tier[i] == tier)
			return tier;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"tier\": scorecard \"%s\" has no tier %c", card->name, tier_letter(tier)),
			 errhint("SELECT tier FROM custprio.tier_rule lists the tiers; set_tiers changes them.")));
	return 0;					/* keep compiler quiet */
}

/* set_strategy(name, tier, action, channel, contacts_per_month, budget, service_level, description) */
Datum
custprio_set_strategy(PG_FUNCTION_ARGS)
{
	enum
	{
		NAME, TIER, ACTION, CHANNEL, CONTACTS, BUDGET, SERVICE, DESCRIPTION, END
	};
	Scorecard  *card = own_card_argument(fcinfo, "set_strategy()");
	Oid			types[END] = {INT8OID, INT4OID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, TEXTOID, TEXTOID};
	Datum		values[END];
	char		nulls[END + 1];

	for (int i = 0; i < END; i++)
	{
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	nulls[END] = '\0';
	values[NAME] = Int64GetDatum(card->id);
	values[TIER] = Int32GetDatum(tier_argument(fcinfo, TIER, card));
	(void) required_text(fcinfo, ACTION, "action");
	if (!PG_ARGISNULL(CHANNEL))
		(void) required_text(fcinfo, CHANNEL, "channel");
	check_number(fcinfo, CONTACTS, "contacts_per_month", CONTACTS_MAX);
	check_number(fcinfo, BUDGET, "budget", "1000000000000");
	catalog_execute("INSERT INTO custprio.strategy (scorecard_id, tier, action, channel, contacts_per_month, budget,"
					" service_level, description) VALUES ($1, $2::custprio.customer_tier, $3, $4, $5, $6, $7, $8)"
					" ON CONFLICT (scorecard_id, tier, action) DO UPDATE SET channel = EXCLUDED.channel,"
					" contacts_per_month = EXCLUDED.contacts_per_month, budget = EXCLUDED.budget,"
					" service_level = EXCLUDED.service_level, description = EXCLUDED.description", END, types, values, nulls);
	PG_RETURN_VOID();
}

/* drop_strategy(name, tier, action): of all tiers, or all actions, where NULL */
Datum
custprio_drop_strategy(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "drop_strategy()");
	char		nulls[] = {' ', PG_ARGISNULL(1) ? 'n' : ' ', PG_ARGISNULL(2) ? 'n' : ' ', '\0'};

	if (catalog_execute("DELETE FROM custprio.strategy WHERE scorecard_id = $1"
						" AND tier = coalesce($2::custprio.customer_tier, tier) AND action = coalesce($3, action)", 3,
						(Oid[]) {INT8OID, INT4OID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id),
								   Int32GetDatum(PG_ARGISNULL(1) ? 0 : DatumGetUInt8(PG_GETARG_DATUM(1))),
								   PG_GETARG_DATUM(2)}, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no such strategy", card->name),
				 errhint("SELECT tier, action FROM custprio.strategy lists the strategies.")));
	PG_RETURN_VOID();
}

static char *
contact_query(const char *relation, const char *customer, const char *contacted_at, const char *channel)
{
	return psprintf("SELECT (%s), CAST((%s) AS pg_catalog.timestamptz), CAST((%s) AS pg_catalog.text) FROM %s",
					customer, contacted_at, channel ? channel : "NULL", relation);
}

/* set_contacts(name, relation, customer, contacted_at, channel): NULL relation: none any more */
Datum
custprio_set_contacts(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	Scorecard  *card = own_card_argument(fcinfo, "set_contacts()");
	Expression	customer = {.argument = "customer",.kind = EXPRESSION_KEY};
	Expression	contacted_at = {.argument = "contacted_at",.kind = EXPRESSION_TIME};
	Expression	channel = {.argument = "channel",.kind = EXPRESSION_KEY};
	OwnerScope	scope;
	char	   *relation;
	Oid			relid;

	catalog_execute("DELETE FROM custprio.contact_source WHERE scorecard_id = $1", 1,
					(Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL);
	if (PG_ARGISNULL(1))
		PG_RETURN_VOID();
	relid = PG_GETARG_OID(1);
	relation = relation_checked_name(relid, "relation", card->name);
	customer.text = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	contacted_at.text = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	channel.text = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	owner_scope_enter(&scope, card->owner, card->time_zone);
	expression_check(&customer, relid, search_path);
	if (customer.type != card->key_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("argument \"customer\" must have the type of the scorecard's customers"),
				 errdetail("It is %s, the published key %s.", format_type_be(customer.type), format_type_be(card->key_type)),
				 errhint("Cast it to that type.")));
	expression_check(&contacted_at, relid, search_path);
	if (channel.text)
		expression_check(&channel, relid, search_path);
	query_try(contact_query(relation, customer.text, contacted_at.text, channel.text), "relation");
	owner_scope_leave(&scope);
	catalog_execute("INSERT INTO custprio.contact_source (scorecard_id, relation, customer, contacted_at, channel)"
					" VALUES ($1, $2, $3, $4, $5)", 5, (Oid[]) {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
					(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(relation), CStringGetTextDatum(customer.text),
							   CStringGetTextDatum(contacted_at.text),
							   channel.text ? CStringGetTextDatum(channel.text) : (Datum) 0},
					channel.text ? NULL : "    n");
	PG_RETURN_VOID();
}

static void
read_contact_source(HeapTuple row, TupleDesc desc, void *arg)
{
	char	  **column = arg;
	bool		isnull;

	for (int i = 0; i < 4; i++)
	{
		Datum		value = heap_getattr(row, i + 1, desc, &isnull);

		column[i] = isnull ? NULL : TextDatumGetCString(value);
	}
}

/* contacts_made(name, from_day, to_day): none where no relation of contacts is known */
Datum
custprio_contacts_made(PG_FUNCTION_ARGS)
{
	Scorecard  *card = owner_rows_card(fcinfo);
	char	   *column[4];
	char	   *query;
	char	   *days = "";
	const char *key = "c.customer";
	const char *join;
	OwnerScope	scope;

	if (catalog_select("SELECT relation, customer, contacted_at, channel FROM custprio.contact_source"
					   " WHERE scorecard_id = $1", 1, (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_contact_source, column) == 0)
		query = psprintf("SELECT customer_id, NULL::pg_catalog.timestamptz, NULL::pg_catalog.text FROM %s WHERE false",
						 quote_qualified_identifier(card->schema, get_rel_name(card->priority_relid)));
	else
		query = contact_query(column[0], column[1], column[2], column[3]);
	/* local days, of the zone that the owner's scope pins */
	for (int arg = 1; arg <= 2; arg++)
		if (!PG_ARGISNULL(arg))
		{
			char		day[MAXDATELEN + 1];

			if (DATE_NOT_FINITE(PG_GETARG_DATEADT(arg)))
				ereport(ERROR,
						(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						 errmsg("argument \"%s\" must be a finite day", arg == 1 ? "from_day" : "to_day")));
			days = psprintf("%s AND c.at::pg_catalog.date %s '%s'::pg_catalog.date", days, arg == 1 ? ">=" : "<=",
							custprio_date_text(PG_GETARG_DATEADT(arg), day));
		}
	/* a contact with an alias is one with the customer that it stands for */
	owner_scope_enter(&scope, card->owner, card->time_zone);
	aliases_read(card);
	owner_scope_leave(&scope);
	join = aliases_join(card, &key);
	owner_rows(fcinfo, card,
			   psprintf("SELECT %s, c.at::pg_catalog.date, c.channel FROM (%s) c(customer, at, channel)%s"
						" WHERE c.customer IS NOT NULL AND pg_catalog.isfinite(c.at)%s%s", key, query, join, days,
						PG_ARGISNULL(3) ? "" : psprintf(" AND %s", owner_rows_only(card, key, PG_GETARG_TEXT_PP(3)))),
			   psprintf("contacts of scorecard \"%s\"", card->name));
	return (Datum) 0;
}
