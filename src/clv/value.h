/* value.h: from purchases expected to their value today. */
#ifndef CUSTPRIO_CLV_VALUE_H
#define CUSTPRIO_CLV_VALUE_H

#include "clv/model.h"

/* A market's growth per year is above -1 and at most this. */
#define CLV_MAX_GROWTH	1

/* Days in a unit of time by name: day 1, week 7, month and year as parts of 365.25. Unknown: raises, or 0. */
extern double clv_unit_days(const char *unit, bool raise);

/*
 * The continuous rate per unit of so many days that a discount per year makes in a market whose value grows by so much
 * a year; below 0 where it grows faster than it is discounted.
 */
extern double clv_discount_rate(double discount, double growth, double unit_days);

/* Expected purchases in the horizon, each discounted by the time until it: integral of exp(-rate u) dE[X(u)]. */
extern double clv_discounted_purchases(const ClvModel *model, const double *params, const ClvHistory *h,
									   double horizon, double rate);

#endif
