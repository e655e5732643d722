/* model.h: fitted models as SQL composites. */
#ifndef CUSTPRIO_STATS_MODEL_H
#define CUSTPRIO_STATS_MODEL_H

#include "fmgr.h"

/* What a function makes of its model, kept between the rows that it is called for. */
typedef struct ModelCache
{
	Size		size;
	HeapTupleHeader datum;		/* the model that it was made of */
	MemoryContext context;		/* of what was made */
	void	   *made;
} ModelCache;

/*
 * What make() makes of the composite in argument i; made anew only when it is another one than in the call before.
 * make() allocates in the current context.
 */
extern void *model_argument(FunctionCallInfo fcinfo, int i, void *(*make) (HeapTupleHeader model));

/* An attribute that is a list or matrix (row after row) of finite numbers, n of them or any number if n < 0. */
extern double *model_numbers(HeapTupleHeader model, const char *attribute, int *n);

/* Refuses a model whose fit did not end well, by its attributes converged and status. */
extern void model_check_converged(HeapTupleHeader model, const char *name);

#endif
