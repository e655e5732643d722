/*
 * measures.c: aggregates that need a customer's or group's rows sorted: theil_sen_slope, gini, pdc.
 */
#include "custprio.h"

#include <math.h>

#include "miscadmin.h"
#include "stats/arguments.h"
#include "stats/sample.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_theil_sen_add);
PG_FUNCTION_INFO_V1(custprio_theil_sen_final);
PG_FUNCTION_INFO_V1(custprio_gini_add);
PG_FUNCTION_INFO_V1(custprio_gini_final);
PG_FUNCTION_INFO_V1(custprio_pdc_add);
PG_FUNCTION_INFO_V1(custprio_pdc_final);

#define THEIL_SEN_MAX_ROWS	5000	/* 12.5 million pairs, 100 MB */
#define NO_DAY				PG_INT64_MIN

static int
compare_numbers(const void *left, const void *right)
{
	double		a = *(const double *) left;
	double		b = *(const double *) right;

	return a < b ? -1 : a > b;
}

/*
 * theil_sen_slope(x, y): the median of the slopes between all pairs of points of different x (H. Theil, "A
 * rank-invariant method of linear and polynomial regression analysis", 1950; P. K. Sen, Journal of the American
 * Statistical Association 63 (1968) 1379-1389).
 */
Datum
custprio_theil_sen_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);
	double	   *row;

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		double		x = finite_argument(fcinfo, 1, "x");
		double		y = finite_argument(fcinfo, 2, "y");

		row = sample_add(sample, 2, "x", 1);
		row[0] = x;
		row[1] = y;
	}
	PG_RETURN_POINTER(sample);
}

Datum
custprio_theil_sen_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	double	   *slope;
	double		median;
	int64		n = 0;

	if (sample == NULL || sample->n < 2)
		PG_RETURN_NULL();
	if (sample->n > THEIL_SEN_MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for theil_sen_slope"),
				 errdetail("There are " INT64_FORMAT " rows; at most %d can be compared in pairs.",
						   sample->n, THEIL_SEN_MAX_ROWS),
				 errhint("Sum the rows by longer periods first.")));
	sample_sort(sample);
	slope = palloc(sample->n * (sample->n - 1) / 2 * sizeof(double));
	for (int64 i = 1; i < sample->n; i++)
	{
		const double *right = sample->value + 2 * i;

		CHECK_FOR_INTERRUPTS();
		for (int64 j = 0; j < i; j++)
		{
			const double *left = sample->value + 2 * j;

			if (right[0] > left[0])
				slope[n++] = (right[1] - left[1]) / (right[0] - left[0]);
		}
	}
	if (n == 0)
		PG_RETURN_NULL();
	qsort(slope, n, sizeof(double), compare_numbers);
	median = n % 2 ? slope[n / 2] : slope[n / 2 - 1] / 2 + slope[n / 2] / 2;
	pfree(slope);
	if (!isfinite(median))
		float_overflow_error();
	PG_RETURN_FLOAT8(median);
}

/*
 * gini(value): half of the mean difference between two rows, over the mean (C. Gini 1912). 0: all equal; towards 1: one
 * has all.
 */
Datum
custprio_gini_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);

	if (!PG_ARGISNULL(1))
	{
		double		value = finite_argument(fcinfo, 1, "value");

		if (value < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"value\" must not be negative"),
					 errdetail("It is %s.", float8out_internal(value)),
					 errhint("Leave such rows out with FILTER, or count them as 0: shares of a sum have no negative parts.")));
		*sample_add(sample, 1, "value", 0) = value;
	}
	PG_RETURN_POINTER(sample);
}

Datum
custprio_gini_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	double		sum = 0,
				ranked = 0,
				most;

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	sample_sort(sample);
	most = sample->value[sample->n - 1];
	if (most == 0)
		PG_RETURN_NULL();
	for (int64 i = 0; i < sample->n; i++)
	{
		/* relative to the largest, so that no sum overflows */
		sum += sample->value[i] / most;
		ranked += (2.0 * i + 1 - sample->n) * (sample->value[i] / most);
	}
	/* not below 0 by rounding */
	PG_RETURN_FLOAT8(Max(ranked / sample->n / sum, 0));
}

/*
 * pdc(dispensed, days_supply, from, to): the share of the days from .. to on which the patient had the medicine
 * (proportion of days covered, Pharmacy Quality Alliance). A supply that comes before the last one is used up is used
 * after it.
 */
enum
{
	OPTION_FROM, OPTION_TO
};

static int64
day_argument(FunctionCallInfo fcinfo, int i, const char *argument)
{
	DateADT		day = PG_GETARG_DATEADT(i);

	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be finite", argument)));
	return day;
}

/* As sample_option, with a message that shows days. */
static void
day_option(Sample *sample, int option, const char *argument, int64 day)
{
	if (sample->has_option[option] && sample->option[option] != day && day != NO_DAY &&
		sample->option[option] != NO_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be the same in all rows", argument),
				 errdetail("It is %s, and was %s.",
						   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day))),
						   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(sample->option[option]))))));
	sample_option(sample, option, argument, day);
}

Datum
custprio_pdc_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);
	int64		from = PG_ARGISNULL(3) ? NO_DAY : day_argument(fcinfo, 3, "period_start");
	int64		to;

	if (PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be NULL", "period_end")));
	to = day_argument(fcinfo, 4, "period_end");
	if (from > to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"period_start\" must not be after \"period_end\"")));
	day_option(sample, OPTION_FROM, "period_start", from);
	day_option(sample, OPTION_TO, "period_end", to);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		int64		dispensed = day_argument(fcinfo, 1, "dispensed");
		int32		supply = PG_GETARG_INT32(2);
		double	   *row;

		if (supply < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"days_supply\" must not be negative"),
					 errdetail("It is %d.", supply)));
		row = sample_add(sample, 2, "dispensed", 1);
		row[0] = dispensed;
		row[1] = supply;
	}
	PG_RETURN_POINTER(sample);
}

Datum
custprio_pdc_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	int64		from,
				to,
				covered = 0,
				used_up;		/* the first day that is not covered any more */

	if (sample == NULL || sample->n == 0)
		PG_RETURN_NULL();
	sample_sort(sample);
	from = sample->option[OPTION_FROM];
	to = sample->option[OPTION_TO] + 1;
	used_up = sample->value[0];
	if (from == NO_DAY)
		from = used_up;
	/* the first supply comes after the period */
	if (from >= to)
		PG_RETURN_NULL();
	for (int64 i = 0; i < sample->n; i++)
	{
		int64		begin = Max(used_up, (int64) sample->value[2 * i]);

		if (sample->value[2 * i] >= to)
			break;
		used_up = begin + (int64) sample->value[2 * i + 1];
		covered += Max(Min(used_up, to) - Max(begin, from), 0);
	}
	PG_RETURN_FLOAT8((double) covered / (to - from));
}
