/* clv_choice.h: which model a scorecard with clv_model => 'auto' follows. */
#ifndef CUSTPRIO_CLV_CHOICE_H
#define CUSTPRIO_CLV_CHOICE_H

#include "customer_set.h"
#include "refresh.h"

/*
 * Whether an epoch that begins on this day chooses: where nothing is chosen yet, a month after the last choice, and when
 * somebody asks for a rescore or rebuild.
 */
extern bool clv_choice_due(const Scorecard *card, RefreshMode requested, DateADT as_of);

/*
 * Choose by the purchases of the set, which must keep days, and let the card follow; warnings says what and why. Where
 * there is too little to choose by, the card goes on with what it has.
 */
extern void clv_choose(Scorecard *card, const CustomerSet *set, DateADT as_of, List **warnings);

/* Store the card's choice, if it is another one. */
extern void clv_choice_store(const Scorecard *card);

#endif
