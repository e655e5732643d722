/* statement_keys.h: the customers that statements changed, on their way into the queue. */
#ifndef CUSTPRIO_STATEMENT_KEYS_H
#define CUSTPRIO_STATEMENT_KEYS_H

#include "capture.h"
#include "fmgr.h"

/*
 * Keys of what is captured for a scorecard under a label, changed by statements of one subtransaction and not in the
 * queue yet. Statements within statements add to the same ones, unless in a subtransaction of their own: what that queues
 * goes with it when it is rolled back, so keys of a statement around it must not be among them. Keys go with their
 * subtransaction, too.
 */
typedef struct StatementKeys
{
	int64		scorecard_id;
	char		label[CAPTURE_LABEL_MAX + 4];
	Oid			type;
	SubTransactionId subid;
} StatementKeys;

/* Another one whenever keys have ended: from then on they may be others', or freed. */
extern uint64 statement_keys_era;

/* Those of the current subtransaction; statement_keys() begins them where there are none, the other returns NULL. */
extern StatementKeys *statement_keys(int64 scorecard_id, const char *label, Oid key_type);
extern StatementKeys *statement_keys_pending(int64 scorecard_id, const char *label);

/*
 * Add a key, given as its value before the cast unless that is NULL. Each customer is kept once, or of a large statement
 * seldom more than once. Of more keys than maintenance_work_mem holds no more is kept than that they were too many.
 */
extern void statement_keys_add(StatementKeys *keys, Datum value, FmgrInfo *cast);

/* Put them into the queue. */
extern void statement_keys_queue(StatementKeys *keys);

extern void statement_keys_end(StatementKeys *keys);

#endif
