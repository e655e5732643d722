/* arguments.h: numbers as arguments and results of functions. */
#ifndef CUSTPRIO_STATS_ARGUMENTS_H
#define CUSTPRIO_STATS_ARGUMENTS_H

#include "fmgr.h"
#include "utils/array.h"

/* A matrix of finite numbers, row after row; raises for anything else. */
extern double *float8_matrix(ArrayType *array, const char *argument, int *rows, int *columns);

/* A list of finite numbers, which may be empty; raises for anything else. Points into the array. */
extern double *float8_vector(ArrayType *array, const char *argument, int *n);

/* Argument i, a float8; raises for NaN and infinity. */
extern double finite_argument(FunctionCallInfo fcinfo, int i, const char *argument);

/* The half width, in standard errors, of an interval of the level in argument i, say 0.95. */
extern double level_argument(FunctionCallInfo fcinfo, int i);

extern Datum float8_array(const double *values, int n);

#endif
