/* card_argument.h: the scorecard that a caller names, for somebody who may act for its owner, and locked. */
#ifndef CUSTPRIO_CARD_ARGUMENT_H
#define CUSTPRIO_CARD_ARGUMENT_H

#include "fmgr.h"
#include "scorecard.h"

/* Raise unless the current user may act for the scorecard's owner. */
extern void scorecard_check_caller(int64 id, const char *name);

/* The lock of a scorecard of this name, for somebody who may act for its owner; returns its number. */
extern int64 scorecard_lock_by_name(const char *name, bool session);

/* The card that the caller wants to change, after its refresh that may be running; locked until the end. */
extern Scorecard *scorecard_lock_own(const char *name, LoadMode mode);

/* The same by the first argument. function names the caller, for where nothing can be written. */
extern Scorecard *own_card_argument(FunctionCallInfo fcinfo, const char *function);

/* A text argument that must be given and not be empty. */
extern char *required_text(FunctionCallInfo fcinfo, int arg, const char *argument);

#endif
