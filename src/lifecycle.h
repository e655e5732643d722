/* lifecycle.h: the stage of a customer's life and the relationship to it, by the customer's own rhythm. */
#ifndef CUSTPRIO_LIFECYCLE_H
#define CUSTPRIO_LIFECYCLE_H

#include "thresholds.h"

#define BREAKS_LIFECYCLE	"lifecycle"
#define LIFECYCLE_METRIC	"gap"	/* days between two purchase days */
#define LIFECYCLE_DAYS_MAX	36500	/* that a rule may name */

typedef enum LifecycleStage
{
	LIFE_PROSPECT,
	LIFE_RETURNS_ONLY,
	LIFE_NEW,
	LIFE_ACTIVE,
	LIFE_GROWING,
	LIFE_DECLINING,
	LIFE_DORMANT,
	LIFE_LOST,
	LIFE_REACTIVATED,
	LIFE_STAGES
} LifecycleStage;

typedef enum Relationship
{
	RELATION_LOYAL,
	RELATION_POTENTIAL,
	RELATION_CHURNED,
	RELATIONSHIPS
} Relationship;

/* The rules of a scorecard, from custprio.lifecycle. */
typedef struct Lifecycle
{
	int			new_days;
	int			minimum_gaps;
	double		quantile;		/* of gaps, that makes a pause unusual */
	double		lost_after;		/* times an unusual gap */
	int			period;			/* days that are compared with those before */
	double		change;			/* share by which they must differ */
	double		alive_below;	/* P(alive) of the lost */
	int			loyal_days;		/* purchase days of the loyal */
} Lifecycle;

extern const char *lifecycle_stage_name(LifecycleStage stage);
extern const char *relationship_name(Relationship relationship);

/* Read the rules of a card into it; none: NULL. */
extern void lifecycle_load(Scorecard *card);

/* Take the gap that is unusual for all buyers together, from sets that keep days. */
extern void lifecycle_take(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set);
extern bool lifecycle_complete(Thresholds *thresholds, const Scorecard *card);

/* The stage of a customer as of a day; usual_gap is what lifecycle_take() found. */
extern LifecycleStage lifecycle_stage(const Lifecycle *rules, const Customer *customer, bool has_clv, int32 usual_gap,
									  DateADT as_of);
extern Relationship lifecycle_relationship(const Lifecycle *rules, const Customer *customer, LifecycleStage stage);

#endif
