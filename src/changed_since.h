/* changed_since.h: changed customers told by the time of a row's last change, for sources without triggers. */
#ifndef CUSTPRIO_CHANGED_SINCE_H
#define CUSTPRIO_CHANGED_SINCE_H

#include "queue.h"
#include "scorecard.h"

/* Changes that a snapshot taken after this call does not see carry this time or a later one; 0: not known. */
extern TimestampTz changed_since_next_mark(const Scorecard *card);

/* Customers changed since the card's mark, under the active snapshot and within the owner's scope. */
extern ChangeQueue *changed_since_read(const Scorecard *card);

#endif
