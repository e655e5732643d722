/* thresholds_bounds.h: breaks and cuts, made comparable with the values of customers at hand. */
#ifndef CUSTPRIO_THRESHOLDS_BOUNDS_H
#define CUSTPRIO_THRESHOLDS_BOUNDS_H

#include "thresholds.h"

/* Make bounds that the customers' values can be compared with. */
extern void thresholds_prepare(Thresholds *thresholds, const Scorecard *card, const CustomerSet *set);

#endif
