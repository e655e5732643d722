/* arrays.h: arrays of float8 as arguments and results. */
#ifndef CUSTPRIO_STATS_ARRAYS_H
#define CUSTPRIO_STATS_ARRAYS_H

#include "utils/array.h"

/* A matrix of finite numbers, row after row; raises for anything else. */
extern double *float8_matrix(ArrayType *array, const char *argument, int *rows, int *columns);

/* A list of finite numbers, which may be empty; raises for anything else. Points into the array. */
extern double *float8_vector(ArrayType *array, const char *argument, int *n);

extern Datum float8_array(const double *values, int n);

#endif
