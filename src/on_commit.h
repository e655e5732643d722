/* on_commit.h: refresh_on_commit, the refresh of small scorecards within the transactions that change their sources. */
#ifndef CUSTPRIO_ON_COMMIT_H
#define CUSTPRIO_ON_COMMIT_H

/* The transaction has put changes into the queue of a scorecard. */
extern void on_commit_note(int64 id);

/* A declaration changes as to whether it is refreshed at commit. */
extern void on_commit_forget(void);

#endif
