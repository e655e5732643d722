/* epoch.h: what the published rows and the state stand for, and the thresholds they follow. */
#ifndef CUSTPRIO_EPOCH_H
#define CUSTPRIO_EPOCH_H

#include "score.h"

/* Store thresholds and epoch where they differ from what is stored. */
extern void epoch_store(const Scorecard *card, const Scores *scores, const RefreshRun *run, bool state_written);

#endif
