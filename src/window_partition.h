/* window_partition.h: window functions whose answer for a row needs its whole partition. */
#ifndef CUSTPRIO_WINDOW_PARTITION_H
#define CUSTPRIO_WINDOW_PARTITION_H

#include "compat.h"
#include "fmgr.h"
#include "windowapi.h"

/* Write the results of the partition's n rows into results, in a context that is gone afterwards. */
typedef void (*FillPartition) (FunctionCallInfo fcinfo, WindowObject window, void *results, int64 n);

/*
 * The result of the current row, of so many bytes: fill is called at the partition's first row, whatever the window's
 * order and frame. hint, which may be NULL, says what to do where there are too many rows.
 */
extern void *partition_result(FunctionCallInfo fcinfo, Size size, FillPartition fill, const char *hint);

/* Argument arg of a row of the partition. */
extern Datum partition_argument(WindowObject window, int arg, int64 row, bool *isnull);

#endif
