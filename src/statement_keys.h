/* statement_keys.h: the customers that one statement changed, on their way into the queue. */
#ifndef CUSTPRIO_STATEMENT_KEYS_H
#define CUSTPRIO_STATEMENT_KEYS_H

#include "fmgr.h"

/*
 * begin, add for each row, end: each customer is queued once, or in large statements, whose memory is bounded, seldom
 * more than once. There is one statement at a time; a begin forgets what was left by one that failed. The key
 * of a row is its value, cast unless cast is NULL.
 */
extern void statement_keys_begin(int64 scorecard_id, Oid key_type);
extern void statement_keys_add(Datum value, FmgrInfo *cast);
extern void statement_keys_end(void);

#endif
