/*
 * source_result.c: what reading a source gives, kept within the memory that a rebuild may use.
 */
#include "custprio.h"

#include "source.h"

SourceResult *
source_result_create(void)
{
	SourceResult *result = palloc0(sizeof(SourceResult));

	result->context = CurrentMemoryContext;
	return result;
}

/* Begin to read, from wherever the executor may be. */
void
source_result_start(SourceResult *result, const PurchaseRule *rule)
{
	MemoryContext old = MemoryContextSwitchTo(result->context);

	result->table = purchase_table_create(rule);
	MemoryContextSwitchTo(old);
}

int
source_partitions(const SourceResult *result)
{
	return result->spill ? PURCHASE_PARTITIONS : 1;
}

void
source_partition(SourceResult *result, int partition)
{
	if (result->spill == NULL)
		return;
	purchase_table_reset(result->table);
	purchase_spill_read(result->spill, partition, result->table, NULL, 0);
}

void
source_limit_memory(SourceResult *result)
{
	MemoryContext old;

	if (purchase_table_memory(result->table) <= (Size) custprio_rebuild_memory * 1024)
		return;
	old = MemoryContextSwitchTo(result->context);
	if (result->spill == NULL)
		result->spill = purchase_spill_create();
	purchase_spill_write(result->spill, result->table);
	MemoryContextSwitchTo(old);
}
