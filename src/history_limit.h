/* history_limit.h: the bounds of the tier history, by age and by number of rows. */
#ifndef CUSTPRIO_HISTORY_LIMIT_H
#define CUSTPRIO_HISTORY_LIMIT_H

#include "scorecard.h"
#include "utils/date.h"

/* Delete what is beyond the scorecard's limits on an as-of day. To be called within the owner's scope. */
extern void history_trim(const Scorecard *card, DateADT as_of);

#endif
