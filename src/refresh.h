/* refresh.h: one refresh of one scorecard, and the account it gives of itself. */
#ifndef CUSTPRIO_REFRESH_H
#define CUSTPRIO_REFRESH_H

#include "customer_set.h"
#include "scorecard.h"

#include "nodes/pg_list.h"

typedef enum RefreshMode
{
	REFRESH_AUTO,
	REFRESH_INCREMENTAL,
	REFRESH_RESCORE,
	REFRESH_REBUILD
} RefreshMode;

/* Counts of source rows by what became of them. */
typedef struct RowCounts
{
	int64		read;
	int64		purchases;
	int64		returns;
	int64		null_customer;
	int64		null_time;
	int64		null_amount;
	int64		nan_amount;
	int64		infinite_amount;
	int64		infinite_time;
	int64		future;
	int64		before_history;
} RowCounts;

typedef struct RefreshRun
{
	/* set by the caller */
	int64		run_id;
	RefreshMode requested;
	bool		has_as_of;		/* false: today in the scorecard's zone */
	bool		on_commit;		/* within a writer's commit (on_commit.c) */
	int32		as_of;			/* DateADT; filled in when !has_as_of */

	/* set by refresh_scorecard() */
	int32		today;			/* DateADT, in the scorecard's zone */
	char	   *source_relations;	/* captured ones before the source was read; NULL: none, or a trigger was disabled */
	RefreshMode mode;
	const char *reason;			/* why this mode */
	int64		queued;			/* customers taken from the queue; -1: changes are not captured */
	bool		partial;		/* only some customers were looked at: counts of all are not known */
	TimestampTz changed_mark;	/* for the next refresh, see changed_since.h */
	bool		rebased;		/* new thresholds were taken */
	bool		counted;		/* rows below were read from the source */
	RowCounts	rows;
	int64		customers;
	int64		buyers;
	int64		orphans;
	int64		inserted;
	int64		updated;
	int64		deleted;
	int64		tier_changes;
	int64		state_written;
	char	   *shares;			/* JSON object: tier to share of customers reached */
	char	   *missing_values;	/* JSON object: buyers without value by added metric and cause */
	char	   *unknown_rows;	/* JSON object: rows that name no customer by added metric */
	List	   *warnings;		/* of char * */
} RefreshRun;

/*
 * Run one refresh inside the current transaction. The caller holds the scorecard's lock (scorecard_lock) and has
 * loaded the card after taking it. Works as the card's owner and comes back as the caller.
 */
extern void refresh_scorecard(Scorecard *card, RefreshRun *run);

/* All customers as the source has them on a day, into set; the state is left alone. */
extern void refresh_read_source(const Scorecard *card, CustomerSet *set, RefreshRun *run);

/* The keys of the relation of customers, all or those among some, or NULL when the scorecard has none. */
extern KeyMap *refresh_listed(const Scorecard *card, const KeyMap *among);

#endif
