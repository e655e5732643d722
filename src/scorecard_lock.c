/*
 * scorecard_lock.c: the lock that makes refreshes of one scorecard take turns, and all else that changes one.
 *
 * It is a heavyweight lock on (custprio.scorecard, id), so that it waits, times out, deadlock-checks and shows in pg_locks
 * like any other. Within one session, which would get it again, a flag keeps what a refresh runs from touching scorecards.
 */
#include "custprio.h"

#include "scorecard_lock.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

bool		refresh_in_session = false;

/* The class in the tag of session locks: found once, so that unlocking needs no transaction. */
static Oid	session_lock_class = InvalidOid;

void
scorecard_locktag(LOCKTAG *tag, Oid class, int64 id)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, class, (uint32) id, (uint16) (id >> 32));
}

bool
scorecard_lock(int64 id, bool session, bool wait)
{
	LOCKTAG		tag;
	Oid			class = get_relname_relid("scorecard", get_namespace_oid("custprio", false));

	scorecard_locktag(&tag, class, id);
	if (LockAcquire(&tag, ExclusiveLock, session, !wait) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	if (session)
		session_lock_class = class;

	/* the declaration may have changed while we waited */
	AcceptInvalidationMessages();
	return true;
}

/* The end of a failed transaction takes even session locks along, so it may be gone already. */
void
scorecard_unlock_session(int64 id)
{
	LOCKTAG		tag;

	scorecard_locktag(&tag, session_lock_class, id);
	if (custprio_lock_held(&tag, ExclusiveLock))
		LockRelease(&tag, ExclusiveLock, true);
}
