/* epoch.h: what the published rows and the state stand for, and the thresholds they follow. */
#ifndef CUSTPRIO_EPOCH_H
#define CUSTPRIO_EPOCH_H

#include "customer_clv.h"
#include "score.h"

/*
 * The thresholds that the published rows follow, or NULL when they do not fit the declaration as it stands (or there
 * are none): then new ones have to be taken.
 */
extern Thresholds *epoch_thresholds(const Scorecard *card);

/* The fits that the published predictions follow, failed ones too; NULL when none are stored. */
extern EpochFit *epoch_fit(const Scorecard *card);

/* Store thresholds, fits (unless NULL) and epoch where they differ from what is stored. */
extern void epoch_store(const Scorecard *card, const Scores *scores, const EpochFit *fit, const RefreshRun *run,
						bool state_written);

#endif
