/* policy.h: how changes of a scorecard's policy are checked and noted. */
#ifndef CUSTPRIO_POLICY_H
#define CUSTPRIO_POLICY_H

#include "fmgr.h"
#include "scorecard.h"
#include "utils/date.h"

/* Raise unless the argument is given. */
extern void policy_require(FunctionCallInfo fcinfo, int arg, const char *argument);

/* A text argument, or NULL. */
extern char *policy_text_argument(FunctionCallInfo fcinfo, int arg);

/* A finite day, or none where the argument is NULL. hint may be NULL. */
extern DateADT policy_day_argument(FunctionCallInfo fcinfo, int arg, const char *argument, DateADT none, const char *hint);

/* What a statement with the card's number as $1 gives: a policy as it stands, as JSON text, or NULL. */
extern char *policy_text(const Scorecard *card, const char *sql);

/*
 * Note a change in custprio.policy_change and put the published scores, but not the state, out of date. before is what
 * policy_text() gave before the change. Does nothing if the policy is as it was.
 */
extern void policy_note_change(const Scorecard *card, const char *policy, const char *sql, const char *before,
							   const char *reason);

/* A weight within bounds and rounded to the decimals it is kept with. */
extern Numeric policy_check_weight(Numeric given, const char *argument, const char *metric);

#endif
