/*
 * zone_days.c: local days of instants in one time zone, fast.
 *
 * A rebuild asks for the local day of every purchase. The zone library walks its tables for each call; a zone has
 * only a few hundred changes of its offset from UTC, so we list them once and look up by binary search. Instants
 * outside the listed years go to the library.
 */
#include "custprio.h"

#include "zone_days.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#define LIST_FROM	INT64CONST(0)	/* 1970-01-01, seconds since the epoch */
#define LIST_TO		INT64CONST(4102444800)	/* 2100-01-01 */

static inline TimestampTz
timestamp_of_seconds(pg_time_t seconds)
{
	return (seconds - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

char *
custprio_date_text(DateADT day, char *buf)
{
	return JsonEncodeDateTime(buf, DateADTGetDatum(day), DATEOID, NULL);
}

ZoneDays *
zone_days_create(pg_tz *zone)
{
	ZoneDays   *zd = palloc(sizeof(ZoneDays));
	pg_time_t	at = LIST_FROM;

	zd->zone = zone;
	zd->n = 0;
	zd->last = 0;
	zd->start[0] = zd->start[1] = timestamp_of_seconds(at);
	while (at < LIST_TO && zd->n < ZONE_DAYS_RANGES)
	{
		long		before,
					after;
		int			before_dst,
					after_dst;
		pg_time_t	boundary = 0;
		int			found;

		found = pg_next_dst_boundary(&at, &before, &before_dst, &boundary, &after, &after_dst, zone);
		if (found < 0)
			break;
		zd->offset[zd->n] = before * USECS_PER_SEC;
		at = (found > 0 && boundary < LIST_TO) ? boundary : LIST_TO;
		zd->start[++zd->n] = timestamp_of_seconds(at);
	}
	return zd;
}

/* The look-up for another range than the latest one; falls back on the zone library outside the list. */
DateADT
zone_days_slow(ZoneDays *zd, TimestampTz at)
{
	int			low = 0,
				high = zd->n;
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	DateADT		day;

	Assert(!TIMESTAMP_NOT_FINITE(at));
	if (zd->n > 0 && at >= zd->start[0] && at < zd->start[zd->n])
	{
		while (high - low > 1)
		{
			int			middle = (low + high) / 2;

			if (at >= zd->start[middle])
				low = middle;
			else
				high = middle;
		}
		zd->last = low;
		return local_day(at + zd->offset[low]);
	}

	if (timestamp2tm(at, &tz, &tm, &fsec, NULL, zd->zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;

	/* the first instant of all is still on the day before, west of Greenwich */
	if (!IS_VALID_DATE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return day;
}

DateADT
zone_today(pg_tz *zone)
{
	return zone_day(zone_days_create(zone), GetCurrentTransactionStartTimestamp());
}
