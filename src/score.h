/* score.h: from customers to scores, with the thresholds of the epoch. */
#ifndef CUSTPRIO_SCORE_H
#define CUSTPRIO_SCORE_H

#include "customer_set.h"
#include "refresh.h"
#include "segment.h"

/* One row of custprio.threshold. */
typedef struct Threshold
{
	const char *metric;
	const char *kind;
	int			n;
	char	  **breaks;
} Threshold;

typedef struct Scores
{
	SegmentMap *segments;		/* NULL: none */
	int			n_thresholds;
	Threshold	threshold[2 * SCORECARD_METRICS + 2];
	int64		reached[TIER_Z + 1];	/* buyers by tier */
	List	   *warnings;		/* of char * */
} Scores;

#define PERCENTILE_BINS 1000
#define PRIORITY_SCALE 4		/* decimals of a priority */

/* Score every buyer of the set. */
extern Scores *score_customers(const Scorecard *card, CustomerSet *set);

extern const char *metric_name(Metric metric);

#endif
