/* window_partition.c: window functions whose answer for a row needs its whole partition. */
#include "window_partition.h"

#include "utils/memutils.h"

typedef struct Partition
{
	bool		filled;
	char		results[FLEXIBLE_ARRAY_MEMBER];
} Partition;

#define RESULTS_OFFSET	MAXALIGN(offsetof(Partition, results))

void *
partition_result(FunctionCallInfo fcinfo, Size size, FillPartition fill, const char *hint)
{
	WindowObject window = PG_WINDOW_OBJECT();
	int64		n = WinGetPartitionRowCount(window);
	Size		total = RESULTS_OFFSET + n * size;
	Partition  *partition;
	char	   *results;

	if (!AllocSizeIsValid(total))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in one partition"),
				 errdetail("The partition has " INT64_FORMAT " rows.", n),
				 hint ? errhint("%s", hint) : 0));
	partition = WinGetPartitionLocalMemory(window, total);
	results = (char *) partition + RESULTS_OFFSET;
	if (!partition->filled)
	{
		MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "custprio partition", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(scratch);

		fill(fcinfo, window, results, n);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(scratch);
		partition->filled = true;
	}
	return results + WinGetCurrentPosition(window) * size;
}

Datum
partition_argument(WindowObject window, int arg, int64 row, bool *isnull)
{
	bool		isout;

	return WinGetFuncArgInPartition(window, arg, row, WINDOW_SEEK_HEAD, false, isnull, &isout);
}
