/* on_commit_list.h: the scorecards to refresh before this transaction commits. */
#ifndef CUSTPRIO_ON_COMMIT_LIST_H
#define CUSTPRIO_ON_COMMIT_LIST_H

#include "nodes/pg_list.h"

/* The transaction has put changes into the queue of a scorecard. */
extern void on_commit_note(int64 id);

/* A declaration changes as to whether it is refreshed at commit. */
extern void on_commit_forget(void);

/* What was noted, as int64 *, whose memory is the transaction's; the list is empty from then on. */
extern List *on_commit_take(void);

#endif
