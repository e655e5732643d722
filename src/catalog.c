/*
 * catalog.c: custprio's own tables, read and written on behalf of anybody, and working as somebody else.
 *
 * Nobody has the right to write the catalogs, so every statement here is fixed text that runs as the extension's
 * owner under a pinned search_path. The other direction is the owner scope: a scorecard's expressions run as its owner,
 * whoever calls, in a security-restricted operation and under settings that no session changes.
 */
#include "custprio.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "scorecard.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

/* The most that a session keeps: texts put together from names are few, but not bounded. */
#define KEPT_PLANS	256

typedef struct KeptPlan
{
	uint64		key;
	char	   *sql;
	SPIPlanPtr	plan;
} KeptPlan;

/* Owner of the installed extension; an error when it is not installed here. */
Oid
custprio_extension_owner(void)
{
	Oid			extension = get_extension_oid("custprio", true);
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			owner = InvalidOid;

	if (OidIsValid(extension))
	{
		rel = table_open(ExtensionRelationId, AccessShareLock);
		ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(extension));
		scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
			owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
	}
	if (!OidIsValid(owner))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"custprio\" is not installed in this database"),
				 errhint("Run CREATE EXTENSION custprio.")));
	return owner;
}

char *
custprio_database_identity(void)
{
	return psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

static void
pin(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Become the extension's owner for one fixed statement. */
static void
catalog_scope_enter(OwnerScope *scope)
{
	Oid			owner = custprio_extension_owner();

	GetUserIdAndSecContext(&scope->userid, &scope->sec_context);
	SetUserIdAndSecContext(owner, scope->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	scope->nest_level = NewGUCNestLevel();
	pin("search_path", "pg_catalog, pg_temp");
	/* Owners are exempt from row security; this keeps row_security = off from turning that into an error. */
	pin("row_security", "on");
}

void
owner_scope_enter(OwnerScope *scope, Oid owner, const char *zone)
{
	/* What the meaning of an expression's text, or the text form of a value, depends on. */
	static const char *const pinned[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"row_security", "on"},
		{"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"standard_conforming_strings", "on"},
		{"transform_null_equals", "off"},
		{"array_nulls", "on"},
		{"quote_all_identifiers", "off"},
	};
	int			i;

	GetUserIdAndSecContext(&scope->userid, &scope->sec_context);
	SetUserIdAndSecContext(owner, scope->sec_context | SECURITY_RESTRICTED_OPERATION);
	scope->nest_level = NewGUCNestLevel();
	for (i = 0; i < lengthof(pinned); i++)
		pin(pinned[i][0], pinned[i][1]);
	if (zone)
		pin("TimeZone", zone);
}

void
owner_scope_leave(OwnerScope *scope)
{
	AtEOXact_GUC(false, scope->nest_level);
	SetUserIdAndSecContext(scope->userid, scope->sec_context);
}

/*
 * The plan of a statement, kept for the session: the texts are a hundred or so and their plans do not depend on values,
 * so that making them anew would cost a refresh of a few customers more than everything else. PostgreSQL plans again
 * what an ALTER or DROP makes stale. Needs an SPI connection and the catalog scope.
 */
static SPIPlanPtr
kept_plan(const char *sql, int nargs, Oid *argtypes)
{
	static HTAB *plans = NULL;
	uint64		key = DatumGetUInt64(hash_any_extended((const unsigned char *) sql, strlen(sql), 0));
	KeptPlan   *kept;
	SPIPlanPtr	plan;

	if (plans == NULL)
	{
		HASHCTL		info = {.keysize = sizeof(uint64),.entrysize = sizeof(KeptPlan)};

		plans = hash_create("custprio catalog plans", 128, &info, HASH_ELEM | HASH_BLOBS);
	}
	kept = hash_search(plans, &key, HASH_FIND, NULL);
	if (kept && strcmp(kept->sql, sql) == 0)
		return kept->plan;

	plan = SPI_prepare_cursor(sql, nargs, argtypes, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "catalog query failed: %s", sql);
	if (kept == NULL && hash_get_num_entries(plans) < KEPT_PLANS)
	{
		char	   *text = MemoryContextStrdup(TopMemoryContext, sql);

		SPI_keepplan(plan);
		kept = hash_search(plans, &key, HASH_ENTER, NULL);
		kept->sql = text;
		kept->plan = plan;
	}
	return plan;
}

int
catalog_execute(const char *sql, int nargs, Oid *argtypes, Datum *values, const char *nulls)
{
	OwnerScope	scope;
	int			count;

	SPI_connect();
	catalog_scope_enter(&scope);
	if (SPI_execute_plan(kept_plan(sql, nargs, argtypes), values, nulls, false, 0) < 0)
		elog(ERROR, "catalog statement failed: %s", sql);
	count = (int) SPI_processed;
	owner_scope_leave(&scope);
	SPI_finish();
	return count;
}

int
catalog_select(const char *sql, int nargs, Oid *argtypes, Datum *values, const char *nulls, CatalogRow row, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	OwnerScope	scope;
	SPIPlanPtr	plan;
	Snapshot	snapshot;
	int			count;

	SPI_connect();
	catalog_scope_enter(&scope);
	plan = kept_plan(sql, nargs, argtypes);
	/* What is declared now counts, also inside an old snapshot; a parallel worker may only use its leader's. */
	snapshot = IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot();
	if (SPI_execute_snapshot(plan, values, nulls, snapshot, InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "catalog query failed: %s", sql);
	count = (int) SPI_processed;
	owner_scope_leave(&scope);

	if (row)
	{
		SPITupleTable *table = SPI_tuptable;
		int			i;

		MemoryContextSwitchTo(caller);
		for (i = 0; i < count; i++)
			row(table->vals[i], table->tupdesc, arg);
	}
	SPI_finish();
	return count;
}
