/* on_commit.h: refresh_on_commit, the refresh of small scorecards within the transactions that change their sources. */
#ifndef CUSTPRIO_ON_COMMIT_H
#define CUSTPRIO_ON_COMMIT_H

/* Once per process: from then on, transactions that commit refresh the scorecards of on_commit_list.h. */
extern void on_commit_init(void);

#endif
