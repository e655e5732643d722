/*
 * captured.c: which relations are captured for a scorecard, as the view custprio.captured lists them.
 */
#include "custprio.h"

#include "captured.h"
#include "scorecard.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

/* Relation of a stored name, or else of its hint; InvalidOid when there is none. */
static Oid
resolve(const char *name, Oid hint)
{
	List	   *parts = textToQualifiedNameList(cstring_to_text(name));
	Oid			namespace = list_length(parts) == 2 ? get_namespace_oid(strVal(linitial(parts)), true) : InvalidOid;
	Oid			relid = OidIsValid(namespace) ? get_relname_relid(strVal(lsecond(parts)), namespace) : InvalidOid;

	return OidIsValid(relid) || get_rel_name(hint) == NULL ? relid : hint;
}

static void
read_captured(HeapTuple row, TupleDesc desc, void *arg)
{
	List	  **list = arg;
	CapturedRelation *captured = palloc0(sizeof(CapturedRelation));
	bool		isnull;
	Datum	   *expressions;

	captured->label = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
	captured->hint = DatumGetObjectId(heap_getattr(row, 3, desc, &isnull));
	captured->relid = resolve(TextDatumGetCString(heap_getattr(row, 2, desc, &isnull)), captured->hint);
	captured->customer = TextDatumGetCString(heap_getattr(row, 4, desc, &isnull));
	deconstruct_array(DatumGetArrayTypePCopy(heap_getattr(row, 5, desc, &isnull)), TEXTOID, -1, false, TYPALIGN_INT,
					  &expressions, NULL, &captured->n_expressions);
	captured->expressions = palloc(sizeof(char *) * Max(captured->n_expressions, 1));
	for (int i = 0; i < captured->n_expressions; i++)
		captured->expressions[i] = TextDatumGetCString(expressions[i]);
	captured->owner = get_role_oid(TextDatumGetCString(heap_getattr(row, 6, desc, &isnull)), true);
	*list = lappend(*list, captured);
}

List *
captured_relations(int64 scorecard_id, const char *label)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(scorecard_id), label ? CStringGetTextDatum(label) : (Datum) 0};
	List	   *list = NIL;

	if (label && strcmp(label, "source") == 0)
		catalog_select("SELECT label, relation, relation_oid, customer, expressions, owner_name FROM custprio.captured_source"
					   " WHERE scorecard_id = $1", 1, types, values, NULL, read_captured, &list);
	else
		catalog_select("SELECT label, relation, relation_oid, customer, expressions, owner_name FROM custprio.captured"
					   " WHERE scorecard_id = $1 AND ($2 IS NULL OR label = $2) ORDER BY label",
					   2, types, values, label ? NULL : " n", read_captured, &list);
	return list;
}
