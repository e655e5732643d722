/* customer_clv.h: P(alive), expected purchases and lifetime value of all customers, under the fit of an epoch. */
#ifndef CUSTPRIO_CUSTOMER_CLV_H
#define CUSTPRIO_CUSTOMER_CLV_H

#include "clv/fit.h"
#include "customer_set.h"
#include "nodes/pg_list.h"

/* The fits to the customers of one segment. What did not converge gives way to the fit to all. */
typedef struct SegmentFit
{
	const text *segment;
	ClvFit		purchases;
	ClvFit		spend;
} SegmentFit;

/* The fits of an epoch: how often customers buy, and how much they spend. */
typedef struct EpochFit
{
	ClvFit		purchases;		/* to all */
	ClvFit		spend;
	int			n_segments;
	SegmentFit *segment;		/* in the order of their names */
	const char *choice;			/* why this model, with clv_model "auto"; or NULL */
} EpochFit;

/* A segment, of the SEGMENTS_MAX largest, has fits of its own with so many customers, so many with repeat purchases. */
#define SEGMENT_LEAST_CUSTOMERS	500
#define SEGMENT_LEAST_REPEATERS	100

/* Fit to the buyers of the set as they stand on the as-of day. NULL where the scorecard has no model. */
extern EpochFit *customer_clv_fit(const Scorecard *card, const CustomerSet *set, DateADT as_of);

/* Days from the as-of day to the end of the scorecard's horizon. */
extern double clv_horizon_days(const Scorecard *card, DateADT as_of);

/* Predictions by one fit for one horizon; what depends on x and t alone is computed once. */
typedef struct Predictor Predictor;

/* spend may be NULL. rate is the continuous discount per unit of time; of NaN no discounted purchases are computed. */
extern Predictor *predictor_create(const ClvFit *purchases, const ClvFit *spend, double horizon, double rate);

/* Purchases to expect in the horizon of a customer with this history, t of which is so many days. */
extern double predictor_expected(const Predictor *predictor, const ClvHistory *h, int days);

/* Purchases to expect of a new customer in the time after the first one; and the value of one of this customer's. */
extern double predictor_expected_new(const Predictor *predictor, double horizon);
extern double predictor_value(const Predictor *predictor, const Customer *customer);

/* The predictors of a set's segments, by fits whose purchases converged. */
typedef struct Predictors
{
	const Predictor *all;
	const Predictor **by_segment;
} Predictors;

extern void predictors_init(Predictors *predictors, const CustomerSet *set, const EpochFit *fit, double horizon,
							double rate);

static inline const Predictor *
predictor_of(const Predictors *predictors, uint32 segment)
{
	return segment == KEYMAP_NONE ? predictors->all : predictors->by_segment[segment];
}

/* A buyer's history as of a day. */
extern ClvHistory customer_history(const Scorecard *card, const Customer *customer, DateADT as_of);

/*
 * Give every buyer the predictions, if the fits allow it: else nobody has them (set->has_clv), and warnings says why.
 * fit may be NULL.
 */
extern void customer_clv_predict(const Scorecard *card, CustomerSet *set, const EpochFit *fit, DateADT as_of,
								 List **warnings);

#endif
