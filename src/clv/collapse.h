/* collapse.h: calibration statistics of many customers, equal ones counted once. */
#ifndef CUSTPRIO_CLV_COLLAPSE_H
#define CUSTPRIO_CLV_COLLAPSE_H

#include "clv/model.h"

typedef struct ClvCollapse ClvCollapse;

extern ClvCollapse *clv_collapse_create(MemoryContext context);
extern void clv_collapse_add(ClvCollapse *collapse, double x, double t_x, double t, double weight);
extern void clv_collapse_history(ClvCollapse *collapse, ClvHistory h);

/* The distinct histories in unspecified order, in the current memory context. */
extern ClvHistory *clv_collapse_rows(const ClvCollapse *collapse, long *n);

/* Sort rows, join equal ones and part them by profile and x; with_times also indexes the times of each group. */
extern ClvData *clv_data_create(ClvHistory *rows, long n, bool with_times);

#endif
