/*
 * relation.c: relations that scorecards read, by name and with their parts.
 */
#include "custprio.h"

#include "relation.h"
#include "scorecard.h"

#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

char *
relation_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

List *
relation_with_heirs(Oid relid, LOCKMODE mode)
{
	LockRelationOid(relid, mode);
	return find_all_inheritors(relid, mode, NULL);
}

void
relation_check(Oid relid, const char *argument, const char *scorecard)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("argument \"%s\": relation with OID %u does not exist", argument, relid)));
	class = (Form_pg_class) GETSTRUCT(tuple);
	/* The schema of temporary relations has a name that says nothing. */
	name = quote_qualified_identifier(class->relpersistence == RELPERSISTENCE_TEMP ? NULL :
									  get_namespace_name(class->relnamespace), NameStr(class->relname));
	switch (class->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("argument \"%s\": %s cannot be read as a table", argument, name),
					 errhint("Give a table, partitioned table, view, materialized view or foreign table.")));
	}
	if (class->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"%s\": %s is temporary", argument, name),
				 errhint("Scheduled refreshes cannot see it; use a permanent relation.")));
	if (relid < FirstNormalObjectId || getExtensionOfObject(RelationRelationId, relid) == get_extension_oid("custprio", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("argument \"%s\": %s is a system catalog", argument, name),
				 errhint("Give your own table or view.")));
	if (strncmp(NameStr(class->relname), scorecard, strlen(scorecard)) == 0)
	{
		const char *suffix = NameStr(class->relname) + strlen(scorecard);

		if (catalog_select("SELECT 1 FROM custprio.scorecard WHERE name = $1 AND schema_name = $2"
						   " AND $3 IN ('_priority', '_purchases', '_tier_history', '_tiers', '_tier_summary')",
						   3, (Oid[]) {TEXTOID, TEXTOID, TEXTOID},
						   (Datum[]) {CStringGetTextDatum(scorecard),
									  CStringGetTextDatum(get_namespace_name(class->relnamespace)),
									  CStringGetTextDatum(suffix)}, NULL, NULL, NULL) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("argument \"%s\": %s is published by this scorecard itself", argument, name),
					 errhint("Give the relation that holds the purchases.")));
	}
	ReleaseSysCache(tuple);
}

char *
relation_checked_name(Oid relid, const char *argument, const char *scorecard)
{
	relation_check(relid, argument, scorecard);
	return relation_name(relid);
}
