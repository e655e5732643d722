/* customer_segment.h: what declarations about a scorecard's customers share. */
#ifndef CUSTPRIO_CUSTOMER_SEGMENT_H
#define CUSTPRIO_CUSTOMER_SEGMENT_H

#include "fmgr.h"
#include "scorecard.h"

/* The card by the first argument, for its owner to change; locked until the end. function names the caller. */
extern Scorecard *own_card_argument(FunctionCallInfo fcinfo, const char *function);

/* A text argument that must be given and not be empty. */
extern char *required_text(FunctionCallInfo fcinfo, int arg, const char *argument);

#endif
