/* sample.h: rows of numbers that an aggregate collects to fit something to them at its end. */
#ifndef CUSTPRIO_STATS_SAMPLE_H
#define CUSTPRIO_STATS_SAMPLE_H

#include "fmgr.h"
#include "utils/array.h"

#define SAMPLE_OPTIONS	2
#define SAMPLE_MAX_WIDTH 1000

typedef struct Sample
{
	MemoryContext context;
	int			width;			/* numbers per row; 0 before the first row */
	int64		n;
	int64		room;			/* rows that value has room for */
	double	   *value;			/* n rows of width numbers */
	bool		has_option[SAMPLE_OPTIONS];
	int64		option[SAMPLE_OPTIONS]; /* arguments that must be the same in every row */
} Sample;

extern Sample *sample_create(MemoryContext context);

/* The state in argument 0, made if there is none; raises outside of an aggregate. NULL at the end of no rows. */
extern Sample *sample_state(FunctionCallInfo fcinfo);
extern Sample *sample_final_state(FunctionCallInfo fcinfo);

/* The value of an option; raises if it was another one before. */
extern void sample_option(Sample *sample, int i, const char *argument, int64 value);

/*
 * Room for one more row of width numbers, to be filled in. what names, for the error message, what has to have the
 * same length in all rows, shorter by the number of others.
 */
extern double *sample_add(Sample *sample, int width, const char *what, int others);

/*
 * Put the rows into ascending order, so that nothing computed from them depends on the order they came in. A state
 * may go on collecting afterwards, so a final function that sorts is as good as read-only.
 */
extern void sample_sort(Sample *sample);

/*
 * The numbers of an array argument into *values. False if one is NULL, as in a row to be left out; raises for NaN,
 * infinity, no element and too many.
 */
extern bool sample_features(ArrayType *array, const char *argument, const double **values, int *n);

#endif
