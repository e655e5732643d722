/*
 * control.c: pause, resume and resume_all, and the small functions behind the status view.
 *
 * They work without resolving a scorecard's relations, so that a broken one can be paused and looked at.
 */
#include "custprio.h"

#include "access/xlog.h"
#include "card_argument.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "interval_length.h"
#include "miscadmin.h"
#include "scheduler.h"
#include "scorecard.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(custprio_pause);
PG_FUNCTION_INFO_V1(custprio_resume);
PG_FUNCTION_INFO_V1(custprio_resume_all);
PG_FUNCTION_INFO_V1(custprio_database_identity_text);
PG_FUNCTION_INFO_V1(custprio_library_version);
PG_FUNCTION_INFO_V1(custprio_retry_delay);
PG_FUNCTION_INFO_V1(custprio_scheduler_problem);

#define LONGEST_BACKOFF	USECS_PER_HOUR

/* Set paused for the scorecard named by the only argument. */
static void
set_paused(FunctionCallInfo fcinfo, bool paused)
{
	Oid			types[] = {INT8OID, BOOLOID};
	Datum		values[2];
	char	   *name;
	int64		id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"name\" must not be null")));
	PreventCommandDuringRecovery(paused ? "pause()" : "resume()");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	id = scorecard_id_by_name(name);
	scorecard_check_caller(id, name);

	values[0] = Int64GetDatum(id);
	values[1] = BoolGetDatum(paused);
	catalog_execute("UPDATE custprio.scorecard SET paused = $2 WHERE scorecard_id = $1 AND paused <> $2",
					lengthof(types), types, values, NULL);
	if (!paused)
		scheduler_wake_at_commit();
}

Datum
custprio_pause(PG_FUNCTION_ARGS)
{
	set_paused(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
custprio_resume(PG_FUNCTION_ARGS)
{
	set_paused(fcinfo, false);
	PG_RETURN_VOID();
}

/* Only who may drop the database may say that it is no mere copy. */
static void
check_database_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
		ReleaseSysCache(tuple);
	}
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of the database to resume its scorecards"),
				 errhint("The database's owner or a superuser can call custprio.resume_all().")));
}

/* Record this database as the one that the scheduler serves. */
Datum
custprio_resume_all(PG_FUNCTION_ARGS)
{
	Oid			types[] = {TEXTOID, OIDOID};
	Datum		values[2];

	PreventCommandDuringRecovery("resume_all()");
	check_database_owner();
	values[0] = CStringGetTextDatum(psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	catalog_execute("INSERT INTO custprio.identity AS i (system_identifier, database_oid) VALUES ($1, $2)"
					" ON CONFLICT (singleton) DO UPDATE SET system_identifier = $1, database_oid = $2"
					" WHERE (i.system_identifier, i.database_oid) IS DISTINCT FROM ($1, $2)",
					lengthof(types), types, values, NULL);
	scheduler_wake_at_commit();
	PG_RETURN_VOID();
}

Datum
custprio_database_identity_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(custprio_database_identity()));
}

Datum
custprio_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CUSTPRIO_VERSION));
}

/*
 * retry_delay(every, failures, seed): how long after its end a refresh that failed for the failures-th time in a row is
 * tried again: custprio.retry_interval doubled with each failure, at most an hour or five times every, whichever is
 * longer, and up to an eighth more, by seed, so that scorecards that failed together do not come back together.
 */
Datum
custprio_retry_delay(PG_FUNCTION_ARGS)
{
	Interval   *every = PG_GETARG_INTERVAL_P(0);
	int32		failures = PG_GETARG_INT32(1);
	int64		seed = PG_GETARG_INT64(2);
	int64		length = Min(Max(interval_length(every), 0), PG_INT64_MAX / 64);
	int64		limit = Max(5 * length, LONGEST_BACKOFF);
	int64		delay = custprio_retry_interval * USECS_PER_SEC;
	Interval   *result = palloc0(sizeof(Interval));

	for (int i = 1; i < failures && delay < limit; i++)
		delay *= 2;
	delay = Min(delay, limit);
	delay += delay / 8 / 1000 * (murmurhash32((uint32) seed * 31 + (uint32) failures) % 1000);
	result->time = delay;
	PG_RETURN_INTERVAL_P(result);
}

/* Why the scheduler serves no scorecard here, NULL if it does; what only the server knows, not the catalogs. */
Datum
custprio_scheduler_problem(PG_FUNCTION_ARGS)
{
	const char *problem = NULL;

	if (RecoveryInProgress())
		problem = "the server is a standby";
	else if (!scheduler_is_loaded())
		problem = "custprio is not in shared_preload_libraries";
	else if (!custprio_enabled)
		problem = "custprio.enabled is off";
	else if (!scheduler_is_running())
		problem = "the launcher is not running";

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
