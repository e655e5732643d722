/* queue.h: the customers whose purchases changed since a refresh last looked. */
#ifndef CUSTPRIO_QUEUE_H
#define CUSTPRIO_QUEUE_H

#include "keymap.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/snapshot.h"

/* What a refresh found in the queue under its snapshot. */
typedef struct ChangeQueue
{
	KeyMap	   *keys;			/* entries of a key alone */
	bool		everything;		/* something changed that no key can tell */
	int64		n_rows;			/* of the queue, which hold many keys each */
	int64		capacity;
	ItemPointerData *row;		/* where the rows are */
} ChangeQueue;

/* Put keys into the queue of a scorecard, with no right on it asked; keys NULL: everything may have changed. */
extern void queue_add(int64 scorecard_id, const KeyMap *keys);

/* The rows of a scorecard that the snapshot sees. */
extern ChangeQueue *queue_read(int64 scorecard_id, Oid key_type, Snapshot snapshot);

/* Delete exactly these rows. */
extern void queue_delete(const ChangeQueue *queue);

#endif
