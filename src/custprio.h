/* custprio.h: what the whole module shares. */
#ifndef CUSTPRIO_H
#define CUSTPRIO_H

#include "compat.h"
#include "fmgr.h"

/* guc.c */
extern bool custprio_enabled;
extern int	custprio_max_workers;
extern int	custprio_probe_interval;	/* seconds */
extern int	custprio_max_runtime;	/* seconds, 0: no limit */
extern int	custprio_retry_interval;	/* seconds */
extern int	custprio_run_retention; /* days */
extern bool custprio_fast_scan;
extern int	custprio_changed_since_overlap; /* seconds */
extern int	custprio_queue_max_keys;	/* 0: no limit */
extern int	custprio_queue_max_age; /* seconds, 0: no limit */
extern int	custprio_rebuild_memory;	/* kB */

/* Define them; called from _PG_init only. */
extern void guc_define(void);

/* scheduler.c; called from _PG_init only while the library is being preloaded */
extern void scheduler_init(void);

/* scheduler.c: at commit, tell the launcher that something in this database became due. A no-op without preload. */
extern void scheduler_wake_at_commit(void);

#endif
