/*
 * custprio.c: module load.
 *
 * Everything but the scheduler works without shared_preload_libraries; preloading adds the launcher.
 */
#include "custprio.h"

#include "on_commit.h"

#include "miscadmin.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	guc_define();
	on_commit_init();
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		scheduler_init();
}
