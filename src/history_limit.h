/* history_limit.h: the bounds of the tier history, by age and by number of rows. */
#ifndef CUSTPRIO_HISTORY_LIMIT_H
#define CUSTPRIO_HISTORY_LIMIT_H

#include "scorecard.h"
#include "utils/date.h"

/*
 * Delete what is beyond the scorecard's limits on an as-of day; the latest run of which a row went, or 0. To be called
 * within the owner's scope.
 */
extern int64 history_trim(const Scorecard *card, DateADT as_of);

/* Note that rows of runs up to this one may be gone, for changes_since(). */
extern void history_note_trimmed(const Scorecard *card, int64 run_id);

#endif
