/* score.h: from customers to scores, under the thresholds of an epoch. */
#ifndef CUSTPRIO_SCORE_H
#define CUSTPRIO_SCORE_H

#include "refresh.h"
#include "thresholds.h"

typedef struct Scores
{
	SegmentMap *segments;		/* NULL: none */
	Thresholds *thresholds;
	int64		reached[TIER_Z + 1];	/* buyers by tier */
	List	   *warnings;		/* of char * */
	char	   *missing_values;	/* JSON object: added metric to buyers without value by cause; NULL: no such metrics */
	char	   *unknown_rows;	/* and to rows of its relation that name no customer; NULL: no such metrics */
} Scores;

/*
 * Compute the added metrics as of a day (metric_values) and score every buyer of the set under the given thresholds;
 * NULL: under new ones, taken from the set.
 */
extern Scores *score_customers(const Scorecard *card, CustomerSet *set, DateADT as_of, Thresholds *thresholds);

#endif
