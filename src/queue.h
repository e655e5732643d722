/* queue.h: the customers whose purchases changed since a refresh last looked. */
#ifndef CUSTPRIO_QUEUE_H
#define CUSTPRIO_QUEUE_H

#include "keymap.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* Columns of custprio.change_queue. */
enum
{
	QUEUE_SCORECARD_ID = 1, QUEUE_KEYS, QUEUE_CUSTOMERS, QUEUE_QUEUED_AT, QUEUE_COLUMNS = QUEUE_QUEUED_AT
};

/* What a refresh found in the queue under its snapshot. */
typedef struct ChangeQueue
{
	KeyMap	   *keys;			/* entries of a key alone */
	bool		everything;		/* something changed that no key can tell */
	bool		closed;			/* keys were left out since the queue was full */
	List	   *marks;			/* that say so: places of rows to delete */
	int64		n_rows;			/* of the queue, which hold many keys each */
	int64		capacity;
	ItemPointerData *row;		/* where the rows are */
} ChangeQueue;

/* Put keys into the queue of a scorecard, with no right on it asked; keys NULL: everything may have changed. */
extern void queue_add(int64 scorecard_id, const KeyMap *keys);

/* The same for a list of keys of a map's type. */
extern void queue_add_list(int64 scorecard_id, const KeyMap *type, const Datum *keys, int64 n);

/*
 * The rows of a scorecard that the snapshot sees. opened: queue_lock_marks() said yes before the snapshot was taken.
 */
extern ChangeQueue *queue_read(int64 scorecard_id, Oid key_type, bool opened, Snapshot snapshot);

/* Delete exactly these rows. */
extern void queue_delete(const ChangeQueue *queue);

/* queue_limit.c */

/* Once per session and trigger: learn whether the scorecard's queue is closed. */
extern void queue_meet(int64 scorecard_id);

/* Whether nothing needs to be added until the end of this transaction, or of the subtransaction. Cheap when open. */
extern bool queue_is_closed(int64 scorecard_id);

/* Now and then, close the queue of a scorecard if it is too long or too old. */
extern void queue_check_limits(Relation queue, int64 scorecard_id, int64 added);

/*
 * To be called by a refresh before its snapshot: false when somebody is at work who leaves out keys, so that marks must
 * stay. Waits for half a second at most.
 */
extern bool queue_lock_marks(int64 scorecard_id);

extern List *queue_read_marks(int64 scorecard_id, Snapshot snapshot);
extern void queue_delete_marks(List *places);

#endif
