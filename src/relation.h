/* relation.h: relations that scorecards read, by name and with their parts. */
#ifndef CUSTPRIO_RELATION_H
#define CUSTPRIO_RELATION_H

#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

/* The name of a relation, qualified and quoted. */
extern char *relation_name(Oid relid);

/*
 * A relation and all that inherit from it, as OIDs, locked from the top down as TRUNCATE and others do:
 * find_all_inheritors() leaves the lock of the relation itself to its caller, and whoever takes the parts' locks alone
 * can meet somebody who has the whole and waits for a part.
 */
extern List *relation_with_heirs(Oid relid, LOCKMODE mode);

/*
 * Raise unless rows can be read from a relation by scheduled refreshes of the scorecard of that name. argument says which
 * relation it is.
 */
extern void relation_check(Oid relid, const char *argument, const char *scorecard);

/* The same, and then its name. */
extern char *relation_checked_name(Oid relid, const char *argument, const char *scorecard);

#endif
