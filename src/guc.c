/*
 * guc.c: the settings of the module.
 */
#include "custprio.h"

#include <limits.h>

#include "utils/guc.h"

bool		custprio_enabled = true;
int			custprio_max_workers = 2;
int			custprio_probe_interval = 60;
int			custprio_max_runtime = 3600;
int			custprio_retry_interval = 30;
int			custprio_run_retention = 30;
bool		custprio_fast_scan = true;
int			custprio_changed_since_overlap = 300;
int			custprio_queue_max_keys = 1000000;
int			custprio_queue_max_age = 7 * 86400;
int			custprio_rebuild_memory = 512 * 1024;

void
guc_define(void)
{
	DefineCustomIntVariable("custprio.changed_since_overlap",
							"Time by which refreshes with changed_since look back behind the last one.",
							"Longer than clocks differ and than transactions of a foreign server take.",
							&custprio_changed_since_overlap, 300, 0, 86400 * 365, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomBoolVariable("custprio.enabled",
							 "Lets the scheduler refresh scorecards.",
							 "Turn off to stop all scheduled refreshes in the whole server.",
							 &custprio_enabled, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("custprio.fast_scan",
							 "Lets a rebuild read plain tables directly, in parallel.",
							 "When off, every source is read through a query; the result is the same.",
							 &custprio_fast_scan, true, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.max_runtime",
							"Longest time one refresh may take, unless its scorecard says otherwise.",
							"0 means no limit.",
							&custprio_max_runtime, 3600, 0, INT_MAX / 1000, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.max_workers",
							"Most refresh workers that run at the same time.",
							NULL,
							&custprio_max_workers, 2, 1, 64, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.probe_interval",
							"Time between two looks for the extension in a database that does not have it.",
							NULL,
							&custprio_probe_interval, 60, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.queue_max_age",
							"Age of the oldest captured change from which on changes of its scorecard are no longer noted one by one.",
							"The next refresh is a rebuild then. 0 means no limit.",
							&custprio_queue_max_age, 7 * 86400, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.queue_max_keys",
							"Number of captured changes from which on changes of their scorecard are no longer noted one by one.",
							"The next refresh is a rebuild then. 0 means no limit.",
							&custprio_queue_max_keys, 1000000, 0, INT_MAX, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.rebuild_memory",
							"Memory a process of a rebuild may fill with customers before it spills to temporary files.",
							NULL,
							&custprio_rebuild_memory, 512 * 1024, 1024, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.retry_interval",
							"Time until a failed refresh is tried again; it doubles with each failure in a row.",
							NULL,
							&custprio_retry_interval, 30, 1, 86400, PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("custprio.run_retention",
							"Days that finished runs stay in custprio.refresh_run.",
							"The latest run of each scorecard always stays.",
							&custprio_run_retention, 30, 1, 36500, PGC_SIGHUP, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("custprio");
}
