/* customer_clv.h: P(alive), expected purchases and lifetime value of all customers, under the fit of an epoch. */
#ifndef CUSTPRIO_CUSTOMER_CLV_H
#define CUSTPRIO_CUSTOMER_CLV_H

#include "clv/fit.h"
#include "customer_set.h"
#include "nodes/pg_list.h"

/* The fits of an epoch: how often customers buy, and how much they spend. */
typedef struct EpochFit
{
	ClvFit		purchases;
	ClvFit		spend;
} EpochFit;

/* Fit to the buyers of the set as they stand on the as-of day. NULL where the scorecard has no model. */
extern EpochFit *customer_clv_fit(const Scorecard *card, const CustomerSet *set, DateADT as_of);

/*
 * Give every buyer the predictions, if the fits allow it: else nobody has them (set->has_clv), and warnings says why.
 * fit may be NULL.
 */
extern void customer_clv_predict(const Scorecard *card, CustomerSet *set, const EpochFit *fit, DateADT as_of,
								 List **warnings);

#endif
