/*
 * protected.c: attributes of people that must not enter a score without a reason, such as age, sex or health.
 *
 * An attribute is protected by a declaration for its relation, or by its name in any relation: the words of a column's
 * name, as in customer_age or birthDate, are looked up. A column of a view is as protected as what it is made of: it is
 * followed through views, sub-selects, unions, joins and generated columns down to the tables. Conditions of a view are
 * not followed: they choose rows and are no values. What a function reads by itself cannot be told.
 */
#include "custprio.h"

#include "protected.h"
#include "relation.h"

#include "scorecard.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(custprio_protect_attribute);
PG_FUNCTION_INFO_V1(custprio_unprotect_attribute);

typedef struct Tracing
{
	List	   *found;			/* of char * */
	char	   *why;			/* of the first */
	List	   *queries;		/* of Query *, the innermost first: levels that a Var can mean */
	List	   *visited;		/* of Oid and column, flattened */
} Tracing;

static void trace_column(Tracing *tracing, Oid relid, AttrNumber attno);
static bool trace_expression(Node *node, Tracing *tracing);

static void
read_reason(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(char **) arg = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
}

/*
 * Why a column is protected by itself, or NULL. Its name as words: an underscore before each capital that follows a small
 * letter, everything but letters and digits an underscore, all in small letters.
 */
static char *
reason_of(Oid relid, const char *column)
{
	char	   *reason = NULL;

	catalog_select("SELECT reason FROM custprio.protected_attribute"
				   " WHERE ((relation = $1 OR relation_oid = $2) AND attribute = $3)"
				   " OR (relation IS NULL AND pg_catalog.strpos("
				   "  '_' || pg_catalog.lower(pg_catalog.regexp_replace(pg_catalog.regexp_replace($3,"
				   "  '([a-z])([A-Z])', '\\1_\\2', 'g'), '[^A-Za-z0-9]+', '_', 'g')) || '_', '_' || attribute || '_') > 0)"
				   " ORDER BY relation NULLS LAST, attribute LIMIT 1", 3, (Oid[]) {TEXTOID, OIDOID, TEXTOID},
				   (Datum[]) {CStringGetTextDatum(relation_name(relid)), ObjectIdGetDatum(relid),
							  CStringGetTextDatum(column)}, NULL, read_reason, &reason);
	return reason;
}

/* What column nth of a query's result is made of. */
static void
trace_target(Tracing *tracing, Query *query, AttrNumber nth)
{
	TargetEntry *target;

	tracing->queries = lcons(query, tracing->queries);
	/* the branches of a union are sub-selects of its range table */
	if (query->setOperations)
	{
		for (int i = 0; i < list_length(query->rtable); i++)
		{
			RangeTblEntry *rte = list_nth(query->rtable, i);

			if (rte->rtekind == RTE_SUBQUERY)
				trace_target(tracing, rte->subquery, nth);
		}
	}
	else if (nth == InvalidAttrNumber)
		(void) trace_expression((Node *) query->targetList, tracing);
	else
	{
		target = get_tle_by_resno(query->targetList, nth);
		if (target)
			(void) trace_expression((Node *) target->expr, tracing);
	}
	tracing->queries = list_delete_first(tracing->queries);
}

/* What a column reference within the query at hand, or one around it, is made of. */
static void
trace_var(Tracing *tracing, Var *var)
{
	List	   *inner = tracing->queries;
	Query	   *query;
	RangeTblEntry *rte;

	if ((int) var->varlevelsup >= list_length(inner))
		return;
	tracing->queries = list_copy_tail(inner, var->varlevelsup);
	query = linitial(tracing->queries);
	rte = var->varno > 0 && var->varno <= list_length(query->rtable) ? rt_fetch(var->varno, query->rtable) : NULL;
	if (rte == NULL)
		;
	else if (rte->rtekind == RTE_RELATION)
		trace_column(tracing, rte->relid, var->varattno);
	else if (rte->rtekind == RTE_SUBQUERY)
		trace_target(tracing, rte->subquery, var->varattno);
	else if (rte->rtekind == RTE_JOIN)
	{
		if (var->varattno > 0 && var->varattno <= list_length(rte->joinaliasvars))
			(void) trace_expression(list_nth(rte->joinaliasvars, var->varattno - 1), tracing);
		else
			(void) trace_expression((Node *) rte->joinaliasvars, tracing);
	}
	else if (rte->rtekind == RTE_CTE)
	{
		int			level = rte->ctelevelsup;
		Query	   *owner = level < list_length(tracing->queries) ? list_nth(tracing->queries, level) : NULL;

		for (int i = 0; owner && i < list_length(owner->cteList); i++)
		{
			CommonTableExpr *cte = list_nth(owner->cteList, i);

			/* the recursive term names the query that is being followed */
			if (strcmp(cte->ctename, rte->ctename) == 0 && IsA(cte->ctequery, Query) &&
				!list_member_ptr(tracing->queries, cte->ctequery))
			{
				tracing->queries = list_copy_tail(tracing->queries, level);
				trace_target(tracing, (Query *) cte->ctequery, var->varattno);
			}
		}
	}
	else
	{
		/* functions, VALUES and groupings: whatever they are made of */
		(void) trace_expression((Node *) rte->functions, tracing);
		(void) trace_expression((Node *) rte->values_lists, tracing);
#ifdef CUSTPRIO_HAS_GROUP_RTE
		if (rte->rtekind == RTE_GROUP)
			(void) trace_expression((Node *) rte->groupexprs, tracing);
#endif
	}
	tracing->queries = inner;
}

static bool
trace_expression(Node *node, Tracing *tracing)
{
	if (node == NULL)
		return false;
	check_stack_depth();
	if (IsA(node, Var))
	{
		trace_var(tracing, (Var *) node);
		return false;
	}
	if (IsA(node, Query))
	{
		/* a sub-select in an expression: its conditions are part of the value */
		tracing->queries = lcons(node, tracing->queries);
		(void) query_tree_walker((Query *) node, trace_expression, (void *) tracing, QTW_IGNORE_JOINALIASES);
		tracing->queries = list_delete_first(tracing->queries);
		return false;
	}
	return expression_tree_walker(node, trace_expression, (void *) tracing);
}

/* A column of a relation, and what it is made of; InvalidAttrNumber: the whole row. */
static void
trace_column(Tracing *tracing, Oid relid, AttrNumber attno)
{
	Relation	rel;
	TupleDesc	desc;
	List	   *outer = tracing->queries;

	check_stack_depth();
	for (int i = 0; i < list_length(tracing->visited); i += 2)
		if (list_nth_oid(tracing->visited, i) == relid && list_nth_oid(tracing->visited, i + 1) == (Oid) attno)
			return;
	tracing->visited = lappend_oid(lappend_oid(tracing->visited, relid), (Oid) attno);

	rel = relation_open(relid, AccessShareLock);
	desc = RelationGetDescr(rel);
	tracing->queries = NIL;
	if (attno == InvalidAttrNumber)
		for (int i = 1; i <= desc->natts; i++)
			trace_column(tracing, relid, i);
	else if (attno > 0 && !TupleDescAttr(desc, attno - 1)->attisdropped)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attno - 1);
		char	   *reason = reason_of(relid, NameStr(attr->attname));

		if (reason)
		{
			if (tracing->found == NIL)
				tracing->why = reason;
			tracing->found = lappend(tracing->found,
									 psprintf("%s.%s", relation_name(relid), quote_identifier(NameStr(attr->attname))));
		}
		if (attr->attgenerated != '\0' && desc->constr)
			for (int i = 0; i < desc->constr->num_defval; i++)
				if (desc->constr->defval[i].adnum == attno)
				{
					Bitmapset  *columns = NULL;
					int			at = -1;

					pull_varattnos(stringToNode(desc->constr->defval[i].adbin), 1, &columns);
					while ((at = bms_next_member(columns, at)) >= 0)
						trace_column(tracing, relid, at + FirstLowInvalidHeapAttributeNumber);
				}
		if (rel->rd_rules && (rel->rd_rel->relkind == RELKIND_VIEW || rel->rd_rel->relkind == RELKIND_MATVIEW))
			for (int i = 0; i < rel->rd_rules->numLocks; i++)
				if (rel->rd_rules->rules[i]->event == CMD_SELECT)
					trace_target(tracing, linitial_node(Query, rel->rd_rules->rules[i]->actions), attno);
	}
	tracing->queries = outer;
	relation_close(rel, NoLock);
}

List *
protected_attributes(Oid relid, const Bitmapset *columns, char **why)
{
	Tracing		tracing = {0};
	int			at = -1;

	while ((at = bms_next_member(columns, at)) >= 0)
		trace_column(&tracing, relid, at + FirstLowInvalidHeapAttributeNumber);
	*why = tracing.why;
	return tracing.found;
}

/* The relation and attribute of both functions, for somebody who may decide over them. */
static void
check_arguments(FunctionCallInfo fcinfo, const char *function)
{
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	char	   *attribute = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));

	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
	if (attribute == NULL || *attribute == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"attribute\" must not be empty")));
	if (!OidIsValid(relid) && !has_privs_of_role(GetUserId(), custprio_extension_owner()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of extension custprio to decide over attributes of all relations"),
				 errhint("Name a relation that you own.")));
	if (OidIsValid(relid) && get_rel_name(relid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"relation\": relation with OID %u does not exist", relid)));
	if (OidIsValid(relid) && !custprio_owns_relation(relid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of relation %s", relation_name(relid))));
}

/* protect_attribute(relation, attribute, reason) */
Datum
custprio_protect_attribute(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	char	   *attribute;
	char	   *reason = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	Datum		relation;

	check_arguments(fcinfo, "protect_attribute()");
	attribute = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (reason == NULL || strspn(reason, " \t\r\n") == strlen(reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"reason\" must not be empty"),
				 errhint("Say why the attribute is protected; it is shown to whoever wants to score it.")));
	if (OidIsValid(relid) && get_attnum(relid, attribute) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("argument \"attribute\": column \"%s\" of relation %s does not exist", attribute,
						relation_name(relid))));
	if (!OidIsValid(relid) && strspn(attribute, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(attribute))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"attribute\" must be small letters, digits and underscores"),
				 errdetail("It is \"%s\".", attribute),
				 errhint("It is looked for among the words of column names.")));
	relation = OidIsValid(relid) ? CStringGetTextDatum(relation_name(relid)) : (Datum) 0;
	catalog_execute("DELETE FROM custprio.protected_attribute"
					" WHERE relation IS NOT DISTINCT FROM $1 AND attribute = $2", 2, (Oid[]) {TEXTOID, TEXTOID},
					(Datum[]) {relation, CStringGetTextDatum(attribute)}, OidIsValid(relid) ? NULL : "n ");
	catalog_execute("INSERT INTO custprio.protected_attribute (relation, relation_oid, attribute, reason, declared_by)"
					" VALUES ($1, $2, $3, $4, $5)", 5, (Oid[]) {TEXTOID, OIDOID, TEXTOID, TEXTOID, TEXTOID},
					(Datum[]) {relation, ObjectIdGetDatum(relid), CStringGetTextDatum(attribute), CStringGetTextDatum(reason),
							   CStringGetTextDatum(GetUserNameFromId(GetUserId(), false))},
					OidIsValid(relid) ? NULL : "nn   ");
	PG_RETURN_VOID();
}

/* unprotect_attribute(relation, attribute): take a declaration back */
Datum
custprio_unprotect_attribute(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	char	   *attribute;

	check_arguments(fcinfo, "unprotect_attribute()");
	attribute = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (catalog_execute("DELETE FROM custprio.protected_attribute WHERE attribute = $3 AND"
						" CASE WHEN $1 IS NULL THEN relation IS NULL ELSE relation = $1 OR relation_oid = $2 END",
						3, (Oid[]) {TEXTOID, OIDOID, TEXTOID},
						(Datum[]) {OidIsValid(relid) ? CStringGetTextDatum(relation_name(relid)) : (Datum) 0,
								   ObjectIdGetDatum(relid), CStringGetTextDatum(attribute)},
						OidIsValid(relid) ? NULL : "nn ") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("attribute \"%s\" is not declared as protected there", attribute),
				 errhint("custprio.protected_attribute lists the declarations.")));
	PG_RETURN_VOID();
}
