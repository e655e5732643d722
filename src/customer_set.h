/* customer_set.h: all customers of a refresh in memory, with what is scored and the scores. */
#ifndef CUSTPRIO_CUSTOMER_SET_H
#define CUSTPRIO_CUSTOMER_SET_H

#include "customer_tier.h"
#include "keymap.h"
#include "metric.h"
#include "purchase_summary.h"
#include "rfm_score.h"
#include "scorecard.h"

typedef enum CustomerStage
{
	STAGE_BUYER,
	STAGE_PROSPECT,				/* known, but without purchase and return */
	STAGE_RETURNS_ONLY
} CustomerStage;

#define ALIVE_SCALE		6		/* decimals of P(alive) as published */
#define ALIVE_ONE		1000000
#define EXPECTED_SCALE	4		/* and of expected purchases */
#define EXPECTED_ONE	10000

#define CLV_SCALE(card)	Min((card)->amount_scale, 6)

typedef struct Customer
{
	Datum		key;
	TimestampTz first;			/* of buyers */
	TimestampTz last;
	int64		frequency;		/* as the scorecard counts it */
	int64		purchases;
	int64		revenue;		/* times 10^revenue_scale, unless wide */
	Numeric		wide_revenue;	/* set when the revenue is no such integer */
	double		repeat_value;	/* mean gross total of the purchase days after the first */
	DateADT		first_day;
	DateADT		last_day;
	int32		repeat_days;	/* purchase days after the first */
	uint8		revenue_scale;
	uint8		stage;			/* CustomerStage */
	bool		orphan;			/* buys, but is not in the relation of customers */
	uint32		segment;		/* id in the set's segments, or KEYMAP_NONE */
	DateADT    *days;			/* the purchase days, repeat_days + 1 of them, where the set keeps them */

	/* scores, of buyers */
	CustomerTier tier;			/* as scored, before any policy */
	CustomerTier enter_tier;	/* best one that the policy's margins let in; as tier, or worse */
	CustomerTier leave_tier;	/* worst one that they let fall to; as tier, or better */
	CustomerTier abc;
	RfmScore	rfm;
	int32		priority;		/* times 10^4 */

	/* predictions, of buyers, where the set has them (customer_clv.c) */
	int32		p_alive;		/* times ALIVE_ONE */
	int64		expected_purchases;	/* times EXPECTED_ONE */
	int64		clv;			/* times 10^CLV_SCALE */

	bool		published;		/* found in the published table */

	PurchaseSummary *summary;	/* kept where an added metric is computed from it */
	MetricValue metric[FLEXIBLE_ARRAY_MEMBER];	/* as many as the scorecard has added metrics (metric_values) */
} Customer;

typedef struct CustomerSet
{
	MemoryContext context;
	KeyMap	   *map;			/* entries are Customers */
	int64		n_buyers;
	int64		n_orphans;
	bool		wide;			/* every buyer has a wide_revenue */
	int			scale;			/* else: the scale of every buyer's revenue */
	bool		has_clv;		/* every buyer has predictions; or none */
	KeyMap	   *segments;		/* values of partition_by as text; NULL: no buyer has one */
	bool		keep_days;		/* to be set before the first customer comes */
	bool		partial;		/* some of the customers alone */
	bool		keep_summaries;
	int64	   *unknown_rows;	/* by added metric: rows of its relation whose key is no customer's (metric_values) */
	struct TierState *placed;	/* by id, where days follow each other in memory (publish_history); else NULL */
} CustomerSet;

/* An empty set; the caller says when it will have some of the customers alone. */
extern CustomerSet *customer_set_create(const Scorecard *card, bool partial);

/*
 * Take a customer in. listed says whether the relation of customers has it (has_listed false: there is none). Customers
 * who are neither listed nor have a purchase or return are passed over. segment is the value of partition_by, or NULL.
 */
extern void customer_set_add(CustomerSet *set, const Scorecard *card, Datum key, const PurchaseSummary *summary,
							 bool has_listed, bool listed, const text *segment);

/* Bring all revenues to one form. Call once, after the last customer. */
extern void customer_set_finish(CustomerSet *set);

static inline Customer *
customer_at(const CustomerSet *set, uint32 id)
{
	return (Customer *) keymap_entry(set->map, id);
}

/* Buyers of a set: all of them, or those of a segment. */
typedef struct Buyers
{
	const CustomerSet *set;
	int32		n;
	Customer  **buyer;
} Buyers;

/* A segment that buyers of a set are in. */
typedef struct BuyerSegment
{
	uint32		id;				/* in the set */
	const text *name;
	int64		buyers;
	int64		repeaters;		/* buyers with repeat purchases */
} BuyerSegment;

/* Of a set that holds fewer than PG_INT32_MAX of them. */
extern Buyers customer_set_buyers(const CustomerSet *set);

/* At most so many segments, larger ones first; n says how many. */
extern BuyerSegment *customer_set_largest_segments(const CustomerSet *set, int most, int *n);

extern Numeric customer_revenue(const Customer *customer);

/* The id of a value of partition_by in the set's segments; KEYMAP_NONE for NULL. */
extern uint32 customer_set_segment(CustomerSet *set, const text *segment);

/* How many segments can have fits and thresholds of their own: the largest. */
#define SEGMENTS_MAX			100

/* Order of values of partition_by: by bytes. */
extern int	compare_segments(const text *a, const text *b);

#endif
