/*
 * auc.c: compare_auc(), which of two scores tells better who will do something.
 *
 * The area under the ROC curve is the chance that somebody who did scores higher than somebody who did not, equal scores
 * counting half. That of two scores of the same people differ less by chance than their own intervals suggest; the
 * variance of the difference is that of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under
 * two or more correlated receiver operating characteristic curves", Biometrics 44 (1988) 837-845, from the placements of
 * each row among those of the other outcome, which midranks give (X. Sun and W. Xu, "Fast implementation of DeLong's
 * algorithm", IEEE Signal Processing Letters 21 (2014) 1389-1393).
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "stats/distribution.h"
#include "stats/sample.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_compare_auc_add);
PG_FUNCTION_INFO_V1(custprio_compare_auc_final);

enum
{
	CHAMPION, CHALLENGER, CONTENDERS
};

#define WIDTH			(1 + CONTENDERS)	/* of a row: outcome and scores */
#define LEVEL			0.95

/* (state, outcome, champion, challenger) */
Datum
custprio_compare_auc_add(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_state(fcinfo);
	double	   *row;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_POINTER(sample);
	for (int i = 2; i < 4; i++)
		if (isnan(PG_GETARG_FLOAT8(i)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"%s\" must not be NaN", i == 2 ? "champion" : "challenger"),
					 errhint("Turn it into NULL, and the row is left out.")));
	row = sample_add(sample, WIDTH, "scores", 0);
	row[0] = PG_GETARG_BOOL(1);
	row[1 + CHAMPION] = PG_GETARG_FLOAT8(2);
	row[1 + CHALLENGER] = PG_GETARG_FLOAT8(3);
	PG_RETURN_POINTER(sample);
}

typedef struct Placed
{
	double		score;
	int64		i;
} Placed;

static int
compare_placed(const void *left, const void *right)
{
	double		a = ((const Placed *) left)->score;
	double		b = ((const Placed *) right)->score;

	return a < b ? -1 : a > b;
}

/* Add sign times the ranks, from 1 in ascending order, that the scores of n rows have among them; equals share the mean. */
static void
add_midranks(const double *row, int column, int64 n, double sign, Placed *placed, double *into)
{
	for (int64 i = 0; i < n; i++)
		placed[i] = (Placed) {row[i * WIDTH + column], i};
	qsort(placed, n, sizeof(Placed), compare_placed);
	for (int64 i = 0, end; i < n; i = end)
	{
		for (end = i + 1; end < n && placed[end].score == placed[i].score; end++)
			;
		for (int64 j = i; j < end; j++)
			into[placed[j].i] += sign * (i + 1 + end) / 2.0;
	}
}

/* The variance of the mean of n placements, less others where they are given. */
static double
variance_of_mean(const double *value, const double *other, int64 n)
{
	double		mean = 0;
	double		squares = 0;

	for (int64 i = 0; i < n; i++)
		mean += (value[i] - (other ? other[i] : 0)) / n;
	for (int64 i = 0; i < n; i++)
	{
		double		off = value[i] - (other ? other[i] : 0) - mean;

		squares += off * off;
	}
	return squares / (n - 1) / n;
}

/* Put a value with its interval into three places. */
static void
put_interval(Datum *values, bool *nulls, double value, double variance, double least)
{
	double		half = normal_width(LEVEL) * sqrt(variance);

	values[0] = Float8GetDatum(value);
	values[1] = Float8GetDatum(Max(value - half, least));
	values[2] = Float8GetDatum(Min(value + half, 1));
	nulls[0] = false;
	nulls[1] = nulls[2] = isnan(variance);
}

/* The attributes of auc_comparison, in their order. */
Datum
custprio_compare_auc_final(PG_FUNCTION_ARGS)
{
	Sample	   *sample = sample_final_state(fcinfo);
	TupleDesc	desc;
	Datum		values[13];
	bool		nulls[13];
	int64		n = sample ? sample->n : 0;
	int64		others = 0;		/* rows without the outcome, which are sorted first */

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(nulls, true, sizeof(nulls));
	if (n > 0)
		sample_sort(sample);
	while (others < n && sample->value[others * WIDTH] == 0)
		others++;
	if (others > 0 && others < n)
	{
		int64		events = n - others;
		double	   *placement[CONTENDERS];
		double		auc[CONTENDERS];
		double		variance[CONTENDERS + 1];	/* the last one of the difference */
		Placed	   *placed = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(Placed));
		bool		known = others > 1 && events > 1;

		for (int c = 0; c < CONTENDERS; c++)
		{
			double	   *place = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(double));

			/* how many of the other outcome lie below each row */
			memset(place, 0, n * sizeof(double));
			add_midranks(sample->value, 1 + c, n, 1, placed, place);
			add_midranks(sample->value, 1 + c, others, -1, placed, place);
			add_midranks(sample->value + others * WIDTH, 1 + c, events, -1, placed, place + others);
			auc[c] = 0;
			for (int64 i = 0; i < n; i++)
			{
				place[i] = i < others ? 1 - place[i] / events : place[i] / others;
				if (i >= others)
					auc[c] += place[i];
			}
			auc[c] /= events;
			placement[c] = place;
			CHECK_FOR_INTERRUPTS();
		}
		for (int c = 0; c <= CONTENDERS; c++)
		{
			const double *value = placement[c == CONTENDERS ? CHALLENGER : c];
			const double *other = c == CONTENDERS ? placement[CHAMPION] : NULL;

			variance[c] = !known ? get_float8_nan() : variance_of_mean(value, other, others) +
				variance_of_mean(value + others, other ? other + others : NULL, events);
		}
		for (int c = 0; c < CONTENDERS; c++)
			put_interval(&values[3 * c], &nulls[3 * c], auc[c], variance[c], 0);
		put_interval(&values[6], &nulls[6], auc[CHALLENGER] - auc[CHAMPION], variance[CONTENDERS], -1);
		if (known && variance[CONTENDERS] > 0)
		{
			double		z = (auc[CHALLENGER] - auc[CHAMPION]) / sqrt(variance[CONTENDERS]);

			values[9] = Float8GetDatum(z);
			values[10] = Float8GetDatum(normal_p_value(z));
			nulls[9] = nulls[10] = false;
		}
	}
	values[11] = Int64GetDatum(n - others);
	values[12] = Int64GetDatum(n);
	nulls[11] = nulls[12] = false;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
