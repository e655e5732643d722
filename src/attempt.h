/* attempt.h: the guards that every refresh works under, whoever asked for it. */
#ifndef CUSTPRIO_ATTEMPT_H
#define CUSTPRIO_ATTEMPT_H

#include "refresh.h"

/* Raise (40001) where another refresh finished since the snapshot that the transaction has for all it does. */
extern void refresh_check_snapshot(int64 id, const char *name);

/* Refresh a card that is locked and loaded, for no longer than its max_runtime. */
extern void refresh_bounded(Scorecard *card, RefreshRun *run);

/*
 * Refresh a card whose row says "running" and complete the row, in a subtransaction: its end cleans up after an error,
 * and unlike the end of the whole transaction it keeps the scorecard's session lock. Returns NULL, or the error, which
 * is then the caller's to write down and is logged for a scheduled refresh.
 */
extern ErrorData *refresh_attempt(int64 id, RefreshRun *run, bool by_user);

#endif
