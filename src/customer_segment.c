/*
 * customer_segment.c: segments that owners define by a predicate over customers.
 *
 * A predicate sees one customer's published row, named priority, and beside it the customer's row in the relation of
 * customers, named customers. It is checked and made canonical when it is defined (expression.c); who is in which
 * segment is never stored, so that it cannot be out of date.
 */
#include "custprio.h"

#include "card_argument.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "expression.h"
#include "lib/stringinfo.h"
#include "owner_rows.h"
#include "protected.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

PG_FUNCTION_INFO_V1(custprio_add_segment);
PG_FUNCTION_INFO_V1(custprio_drop_segment);
PG_FUNCTION_INFO_V1(custprio_segment_members);

/* FROM clause of predicates: each published customer, with its row of the relation of customers if it has one. */
static char *
predicate_relations(const Scorecard *card)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, " FROM %s AS " SEGMENT_PRIORITY,
					 quote_qualified_identifier(card->schema, get_rel_name(card->priority_relid)));
	if (OidIsValid(card->customers_relid))
	{
		Expression	key = {.argument = "customers_key",.kind = EXPRESSION_KEY,.text = card->customers_key,.canonical = true};

		appendStringInfo(&sql, " LEFT JOIN %s AS " SEGMENT_CUSTOMERS
						 " ON (%s) OPERATOR(pg_catalog.=) " SEGMENT_PRIORITY ".customer_id",
						 card->customers,
						 deparse_expression(expression_parse(&key, card->customers_relid),
											deparse_context_for(SEGMENT_CUSTOMERS, card->customers_relid), true, false));
	}
	return sql.data;
}

static char *
checked_predicate(const Scorecard *card, const char *segment, char *text, const char *search_path)
{
	Expression	predicate = {.argument = "predicate",.kind = EXPRESSION_CONDITION,.text = text,.of_segment = true,
	.joined = card->customers_relid};
	OwnerScope	scope;
	List	   *found;
	char	   *why;

	owner_scope_enter(&scope, card->owner, card->time_zone);
	expression_check(&predicate, card->priority_relid, search_path);
	query_try(psprintf("SELECT 1%s WHERE (%s)", predicate_relations(card), predicate.text), "predicate");
	found = protected_attributes(card->customers_relid, predicate.joined_columns, &why);
	owner_scope_leave(&scope);
	/* segments report and enter no score, so that they may */
	if (found != NIL)
		ereport(NOTICE,
				(errmsg("segment \"%s\" reads the protected attribute %s", segment, (char *) linitial(found)),
				 errdetail("It is protected: %s.", why),
				 errhint("Segments report and enter no score. Decide whom they are shown to.")));
	return predicate.text;
}

enum
{
	ARG_NAME, ARG_SEGMENT, ARG_DIMENSION, ARG_PREDICATE, ARG_DESCRIPTION, ARG_MARKET_GROWTH, ARG_COMPETITION, ARG_FIT,
	ARG_END
};

/* add_segment(name, segment, dimension, predicate, description, market_growth, competition, fit) */
Datum
custprio_add_segment(PG_FUNCTION_ARGS)
{
	static const char *const dimensions[] = {"geographic", "demographic", "psychographic", "behavioural"};
	static const char *const ratings[] = {"market_growth", "competition", "fit"};
	char	   *search_path = pstrdup(namespace_search_path);
	Scorecard  *card = own_card_argument(fcinfo, "add_segment()");
	char	   *segment = required_text(fcinfo, ARG_SEGMENT, "segment");
	char	   *dimension = required_text(fcinfo, ARG_DIMENSION, "dimension");
	Oid			types[ARG_END] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, FLOAT8OID, FLOAT8OID};
	Datum		values[ARG_END];
	char		nulls[ARG_END + 1];
	bool		known = false;

	for (int i = 0; i < lengthof(dimensions); i++)
		known = known || strcmp(dimension, dimensions[i]) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"dimension\": there is no dimension \"%s\"", dimension),
				 errhint("Use geographic, demographic, psychographic or behavioural.")));
	memset(nulls, ' ', ARG_END);
	nulls[ARG_END] = '\0';
	for (int i = 0; i < lengthof(ratings); i++)
	{
		int			arg = ARG_MARKET_GROWTH + i;

		if (PG_ARGISNULL(arg))
			nulls[arg] = 'n';
		/* NaN is neither */
		else if (!(PG_GETARG_FLOAT8(arg) >= 0 && PG_GETARG_FLOAT8(arg) <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must lie between 0 and 1", ratings[i]),
					 errdetail("It is %s.", DatumGetCString(DirectFunctionCall1(float8out, PG_GETARG_DATUM(arg)))),
					 errhint("It is a rating: 0 for none, 1 for the most there can be.")));
		values[arg] = PG_GETARG_DATUM(arg);
	}
	values[ARG_NAME] = Int64GetDatum(card->id);
	values[ARG_SEGMENT] = CStringGetTextDatum(segment);
	values[ARG_DIMENSION] = CStringGetTextDatum(dimension);
	values[ARG_PREDICATE] =
		CStringGetTextDatum(checked_predicate(card, segment, required_text(fcinfo, ARG_PREDICATE, "predicate"), search_path));
	values[ARG_DESCRIPTION] = PG_GETARG_DATUM(ARG_DESCRIPTION);
	if (PG_ARGISNULL(ARG_DESCRIPTION))
		nulls[ARG_DESCRIPTION] = 'n';
	if (catalog_execute("INSERT INTO custprio.customer_segment (scorecard_id, segment, dimension, predicate, description,"
						" market_growth, competition, fit) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
						ARG_END, types, values, nulls) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("argument \"segment\": scorecard \"%s\" has a segment \"%s\" already", card->name, segment),
				 errhint("Drop it first with drop_segment.")));
	PG_RETURN_VOID();
}

/* drop_segment(name, segment) */
Datum
custprio_drop_segment(PG_FUNCTION_ARGS)
{
	Scorecard  *card = own_card_argument(fcinfo, "drop_segment()");
	char	   *segment = required_text(fcinfo, ARG_SEGMENT, "segment");

	if (catalog_execute("DELETE FROM custprio.customer_segment WHERE scorecard_id = $1 AND segment = $2", 2,
						(Oid[]) {INT8OID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(segment)}, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no segment \"%s\"", card->name, segment),
				 errhint("SELECT segment FROM custprio.customer_segment lists the segments.")));
	PG_RETURN_VOID();
}

/* One row (segment, dimension, does it hold) of a VALUES list for each segment. */
static void
append_segment(HeapTuple row, TupleDesc desc, void *arg)
{
	StringInfo	list = arg;
	bool		isnull;
	char	   *column[3];

	for (int i = 0; i < 3; i++)
		column[i] = TextDatumGetCString(heap_getattr(row, i + 1, desc, &isnull));
	appendStringInfo(list, "%s(%s::pg_catalog.text, %s::pg_catalog.text, (%s))", list->len > 0 ? ", " : "",
					 quote_literal_cstr(column[0]), quote_literal_cstr(column[1]), column[2]);
}

/* segment_members(name, segment, customer) */
Datum
custprio_segment_members(PG_FUNCTION_ARGS)
{
	Scorecard  *card = owner_rows_card(fcinfo);
	bool		all = PG_ARGISNULL(1);
	StringInfoData list;
	OwnerScope	scope;
	char	   *relations;
	char	   *sql;

	initStringInfo(&list);
	catalog_select("SELECT segment, dimension, predicate FROM custprio.customer_segment"
				   " WHERE scorecard_id = $1 AND segment = coalesce($2, segment) ORDER BY segment", 2,
				   (Oid[]) {INT8OID, TEXTOID},
				   (Datum[]) {Int64GetDatum(card->id), all ? (Datum) 0 : PG_GETARG_DATUM(1)}, all ? " n" : NULL,
				   append_segment, &list);
	if (list.len == 0 && !all)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("scorecard \"%s\" has no segment \"%s\"", card->name, text_to_cstring(PG_GETARG_TEXT_PP(1))),
				 errhint("SELECT segment FROM custprio.customer_segment lists the segments.")));
	if (list.len == 0)
		appendStringInfoString(&list, "(NULL::pg_catalog.text, NULL::pg_catalog.text, false)");
	owner_scope_enter(&scope, card->owner, card->time_zone);
	relations = predicate_relations(card);
	owner_scope_leave(&scope);
	/* DISTINCT: the relation of customers may hold one twice */
	sql = psprintf("SELECT DISTINCT " SEGMENT_PRIORITY ".customer_id, s.segment, s.dimension%s,"
				   " LATERAL (VALUES %s) s(segment, dimension, holds) WHERE s.holds%s", relations, list.data,
				   PG_ARGISNULL(2) ? "" : psprintf(" AND %s", owner_rows_only(card, SEGMENT_PRIORITY ".customer_id",
																			  PG_GETARG_TEXT_PP(2))));
	owner_rows(fcinfo, card, sql, psprintf("segments of scorecard \"%s\"", card->name));
	return (Datum) 0;
}
