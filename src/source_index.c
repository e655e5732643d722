/*
 * source_index.c: whether some customers' rows can be fetched from a source through an index.
 *
 * Reading the rows of a few customers asks for equality with the customer expression. An index serves that whose first
 * column is this expression, on every partition; a partial one may not have all rows.
 */
#include "custprio.h"

#include "relation.h"
#include "source.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "expression.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* A cast that changes no bit, as from varchar to text, does not keep an index from being used. */
static Node *
strip(Node *node)
{
	while (node && IsA(node, RelabelType))
		node = (Node *) castNode(RelabelType, node)->arg;
	return node;
}

static bool
index_serves(Relation index, Node *key)
{
	const FormData_pg_index *form = index->rd_index;
	Oid			method = index->rd_rel->relam;

	if (!form->indisvalid || form->indnatts < 1 || RelationGetIndexPredicate(index) != NIL ||
		!(method == BTREE_AM_OID || method == HASH_AM_OID))
		return false;
	if (form->indkey.values[0] != 0)
		return IsA(key, Var) && castNode(Var, key)->varattno == form->indkey.values[0];
	return equal(key, strip(linitial(RelationGetIndexExpressions(index))));
}

static bool
relation_is_indexed(Oid relid, char *customer)
{
	Expression	expr = {.argument = "customer",.kind = EXPRESSION_KEY,.text = customer,.canonical = true};
	Node	   *key = strip(expression_parse(&expr, relid));
	Relation	rel = table_open(relid, AccessShareLock);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found = found || index_serves(index, key);
		index_close(index, AccessShareLock);
	}
	table_close(rel, NoLock);
	return found;
}

bool
source_key_is_indexed(Oid source_relid, char *customer)
{
	ListCell   *lc;

	foreach(lc, relation_with_heirs(source_relid, AccessShareLock))
	{
		char		kind = get_rel_relkind(lfirst_oid(lc));

		if ((kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) && !relation_is_indexed(lfirst_oid(lc), customer))
			return false;
	}
	return true;
}
