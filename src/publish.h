/* publish.h: scores into the priority table and the tier history. */
#ifndef CUSTPRIO_PUBLISH_H
#define CUSTPRIO_PUBLISH_H

#include "score.h"

/*
 * Bring the priority table to the scores, writing only rows that differ, and note every change of tier in the history.
 * With only, the set has none but these customers, and the others' rows are not looked at.
 */
extern void publish(const Scorecard *card, CustomerSet *set, Scores *scores, const KeyMap *only,
					RefreshRun *run);

/* Called for each customer with the columns from tier to relationship, in the table's order, then added metrics as jsonb. */
typedef void (*PublishedScores) (const char *customer, const Datum *values, const bool *nulls, int n, void *arg);

/* Give what would be published of the set, without looking at the table. */
extern void publish_give(const Scorecard *card, CustomerSet *set, Scores *scores, RefreshRun *run,
						 PublishedScores give, void *arg);

/* Called for each column of a customer that is published otherwise; column "customer_id": published or not at all. */
typedef void (*PublishedDifference) (const char *customer, const char *column, const char *published,
									 const char *recomputed, void *arg);

/* Compare all that is published with the scores, writing nothing. */
extern void publish_compare(const Scorecard *card, CustomerSet *set, Scores *scores, RefreshRun *run,
							PublishedDifference difference, void *arg);

/*
 * Note in the history, and nowhere else, how tiers changed from one set of scored customers (NULL: nobody) to the next,
 * as publish() would have on the as-of day of the run.
 */
extern void publish_history(const Scorecard *card, CustomerSet *before, CustomerSet *after, Scores *scores,
							TimestampTz changed_at, RefreshRun *run);

/* Whether a column of the priority table follows from the customer and the thresholds alone. */
extern bool publish_is_scored_column(const Scorecard *card, const char *name);

#endif
