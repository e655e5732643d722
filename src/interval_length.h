/* interval_length.h: an interval as a plain length of time. */
#ifndef CUSTPRIO_INTERVAL_LENGTH_H
#define CUSTPRIO_INTERVAL_LENGTH_H

#include "datatype/timestamp.h"

/* In microseconds: a month is 30 days, a day 24 hours; saturates. */
extern int64 interval_length(const Interval *interval);

#endif
