/*
 * interval_length.c: an interval as a plain length of time.
 */
#include "custprio.h"

#include "interval_length.h"

/* Saturating, because INT_MAX months are more microseconds than an int64 holds. */
int64
interval_length(const Interval *interval)
{
	double		days = (double) interval->month * DAYS_PER_MONTH + interval->day;
	double		length = days * USECS_PER_DAY + (double) interval->time;

	if (length >= (double) PG_INT64_MAX)
		return PG_INT64_MAX;
	if (length <= (double) PG_INT64_MIN)
		return PG_INT64_MIN;
	return ((int64) interval->month * DAYS_PER_MONTH + interval->day) * USECS_PER_DAY + interval->time;
}
