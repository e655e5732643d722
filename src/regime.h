/* regime.h: days on which the rules of a market changed, before which purchases count no more. */
#ifndef CUSTPRIO_REGIME_H
#define CUSTPRIO_REGIME_H

#include "scorecard.h"
#include "utils/date.h"

/* A row of custprio.regime. */
typedef struct Regime
{
	DateADT		starts_on;
	DateADT		applies_from;	/* first as-of day for which earlier purchases are left out */
} Regime;

/* Read the regimes of a card into it. */
extern void regimes_load(Scorecard *card);

/* The first day that counts on an as-of day: the latest start of a regime that applies; DATEVAL_NOBEGIN: all do. */
extern DateADT regime_start(const Scorecard *card, DateADT as_of);

/* Whether the first day that counts can be another one on another as-of day. */
static inline bool
purchase_window_moves(const Scorecard *card)
{
	return card->history || card->n_regimes > 0;
}

#endif
