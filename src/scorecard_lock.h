/* scorecard_lock.h: the lock that makes refreshes of one scorecard take turns, and all else that changes one. */
#ifndef CUSTPRIO_SCORECARD_LOCK_H
#define CUSTPRIO_SCORECARD_LOCK_H

#include "storage/lock.h"

/* Whether this session is at work on a refresh (attempt.c), so that we are called from an expression or a trigger. */
extern bool refresh_in_session;

/*
 * Take the scorecard's lock until the end of the transaction or, as a session lock, until scorecard_unlock_session().
 * Without wait, false says that somebody else holds it.
 */
extern bool scorecard_lock(int64 id, bool session, bool wait);
extern void scorecard_unlock_session(int64 id);

/* The tag of a lock about a scorecard; class, the OID of a table of ours, says which. */
extern void scorecard_locktag(LOCKTAG *tag, Oid class, int64 id);

#endif
