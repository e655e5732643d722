/*
 * card_argument.c: the scorecard that a caller names, for somebody who may act for its owner, and locked.
 *
 * The right is asked for before the lock, so that nobody else can hold up a scorecard's refreshes. While we waited for
 * the lock, the scorecard may have been dropped, altered, or given to somebody else: so what was found is looked up again.
 */
#include "custprio.h"

#include "card_argument.h"
#include "scorecard_lock.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

static void
read_owner(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(row, 1, desc, &isnull);

	*(Oid *) arg = isnull ? InvalidOid : DatumGetObjectId(value);
}

/* Found without the source; InvalidOid when the role or the scorecard is gone. */
static Oid
scorecard_owner(int64 id)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(id)};
	Oid			owner = InvalidOid;

	catalog_select("SELECT owner FROM custprio.scorecard_owner WHERE scorecard_id = $1",
				   lengthof(types), types, values, NULL, read_owner, &owner);
	return owner;
}

/* When the owner cannot be told, only a superuser may. */
void
scorecard_check_caller(int64 id, const char *name)
{
	Oid			owner;

	if (superuser())
		return;
	owner = scorecard_owner(id);
	if (OidIsValid(owner) && has_privs_of_role(GetUserId(), owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of scorecard \"%s\"", name),
			 OidIsValid(owner) ? 0 : errdetail("Its owner cannot be told; only a superuser may act for it.")));
}

int64
scorecard_lock_by_name(const char *name, bool session)
{
	int64		id = scorecard_id_by_name(name);

	for (;;)
	{
		int64		now;

		scorecard_check_caller(id, name);
		scorecard_lock(id, session, true);
		now = scorecard_id_by_name(name);
		if (now == id)
			return id;
		if (session)
			scorecard_unlock_session(id);
		id = now;
	}
}

Scorecard *
scorecard_lock_own(const char *name, LoadMode mode)
{
	Scorecard  *card;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"name\" must not be NULL"),
				 errhint("SELECT name FROM custprio.scorecard lists the scorecards.")));

	if (refresh_in_session)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot change scorecard \"%s\" while a refresh works in this session", name),
				 errhint("An expression or trigger that a refresh runs must not change scorecards.")));

	/* Ask for the right before waiting, so that others cannot queue up; ask again for what the wait may have changed. */
	card = scorecard_load_for(scorecard_id_by_name(name), mode);
	if (!(mode == LOAD_TO_DROP && superuser()))
		scorecard_check_owner(card);
	(void) scorecard_lock(card->id, false, true);
	card = scorecard_load_for(scorecard_id_by_name(name), mode);
	if (!(mode == LOAD_TO_DROP && superuser()))
		scorecard_check_owner(card);
	return card;
}

Scorecard *
own_card_argument(FunctionCallInfo fcinfo, const char *function)
{
	PreventCommandDuringRecovery(function);
	PreventCommandIfReadOnly(function);
	return scorecard_lock_own(PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)), LOAD_TO_ALTER);
}

char *
required_text(FunctionCallInfo fcinfo, int arg, const char *argument)
{
	char	   *given = PG_ARGISNULL(arg) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(arg));

	if (given == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", argument)));
	if (*given == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("argument \"%s\" must not be empty", argument)));
	return given;
}
