/*
 * metric_users.c: what else of a scorecard uses an added metric, which then must stay.
 *
 * Other metrics name it in their expressions, rules of tiers and conditions of segments read its column, and tiers may be
 * cut by its cumulative share. Views and the like over the column are PostgreSQL's to know.
 */
#include "custprio.h"

#include "metric.h"

#include "expression.h"
#include "scorecard.h"
#include "tier_policy.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Whether a stored condition over the priority table reads a column of it. */
static bool
reads_column(const Scorecard *card, char *condition, bool of_segment, AttrNumber column)
{
	Expression	expr = {.argument = "condition",.kind = EXPRESSION_CONDITION,.text = condition,.canonical = true,
	.of_segment = of_segment,.joined = of_segment ? card->customers_relid : InvalidOid};

	(void) expression_parse(&expr, card->priority_relid);
	return bms_is_member(column - FirstLowInvalidHeapAttributeNumber, expr.columns);
}

static void
read_segment(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **segments = arg;
	bool		isnull;

	for (int i = 1; i <= 2; i++)
		*segments = lappend(*segments, TextDatumGetCString(heap_getattr(row, i, desc, &isnull)));
}

List *
metric_users(const Scorecard *card, const char *name)
{
	AttrNumber	column = get_attnum(card->priority_relid, name);
	List	   *users = NIL;
	List	   *segments = NIL;
	OwnerScope	scope;

	for (int other = 0; other < card->n_added; other++)
		for (int i = 0; i < list_length(card->added[other].uses); i++)
			if (strcmp(list_nth(card->added[other].uses, i), name) == 0)
				users = lappend(users, psprintf("metric \"%s\"", card->added[other].name));
	if (card->tier_policy->method == TIERS_BY_CUMULATIVE && strcmp(card->tier_policy->metric, name) == 0)
		users = lappend(users, pstrdup("the cuts of the tiers"));
	catalog_select("SELECT segment, predicate FROM custprio.customer_segment WHERE scorecard_id = $1 ORDER BY segment", 1,
				   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_segment, &segments);
	owner_scope_enter(&scope, card->owner, card->time_zone);
	for (int i = 0; i < card->n_tiers - 1; i++)
		if (card->tier_policy->method == TIERS_BY_RULES && reads_column(card, card->tier_condition[i], false, column))
			users = lappend(users, psprintf("the rule of tier %c", tier_letter(card->tier[i])));
	for (int i = 0; i < list_length(segments); i += 2)
		if (reads_column(card, list_nth(segments, i + 1), true, column))
			users = lappend(users, psprintf("segment \"%s\"", (char *) list_nth(segments, i)));
	owner_scope_leave(&scope);
	return users;
}
