/* zone_days.h: local days of instants in one time zone, fast. */
#ifndef CUSTPRIO_ZONE_DAYS_H
#define CUSTPRIO_ZONE_DAYS_H

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"

#define ZONE_DAYS_RANGES 512

/* Ranges of constant offset from UTC: range i begins at start[i] and ends where the next begins. */
typedef struct ZoneDays
{
	pg_tz	   *zone;
	int			n;
	int			last;			/* range of the latest look-up */
	TimestampTz start[ZONE_DAYS_RANGES + 1];	/* one past the end: where the table's knowledge ends */
	int64		offset[ZONE_DAYS_RANGES];	/* microseconds to add to UTC */
} ZoneDays;

extern ZoneDays *zone_days_create(pg_tz *zone);

/* Today in a zone; of the transaction's start, so that it stands still during a refresh. */
extern DateADT zone_today(pg_tz *zone);

/* A day in ISO form, whatever the session's DateStyle; buf has room for MAXDATELEN + 1 bytes. */
extern char *custprio_date_text(DateADT day, char *buf);

extern DateADT zone_days_slow(ZoneDays *zd, TimestampTz at);

/* Day of a local timestamp given in microseconds since 2000-01-01 00:00. */
static inline DateADT
local_day(int64 local)
{
	int64		day = local / USECS_PER_DAY;

	if (local < day * USECS_PER_DAY)
		day--;
	return (DateADT) day;
}

/* The local day of an instant, which must be finite. */
static inline DateADT
zone_day(ZoneDays *zd, TimestampTz at)
{
	if (likely(at >= zd->start[zd->last] && at < zd->start[zd->last + 1]))
		return local_day(at + zd->offset[zd->last]);
	return zone_days_slow(zd, at);
}

#endif
