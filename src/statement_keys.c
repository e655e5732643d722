/*
 * statement_keys.c: the customers that one statement changed, on their way into the queue.
 *
 * Few keys are told apart exactly, in a map. Where keys are by value and come to many, as when rows are copied in bulk,
 * a table of the last two keys in each of many places passes over most repetitions for a fraction of a map's price:
 * the queue may hold a key several times, a refresh looks at it once. Other keys go on through the map, so many at a time.
 */
#include "custprio.h"

#include "statement_keys.h"

#include "keymap.h"
#include "queue.h"
#include "utils/memutils.h"

#define EXACT_KEYS		512		/* by value; a map with room for so many is kept from one statement to the next */
#define KEYS_AT_A_TIME	8192	/* by reference */
#define WAITING_KEYS	512		/* looked up together: between rows the caches are full of other things */
#define LIST_KEYS		4096	/* queued together */
#define SEEN_BITS		12		/* of the number of places */

typedef struct StatementKeys
{
	MemoryContext context;
	int64		scorecard_id;
	Oid			type;
	KeyMap	   *map;			/* NULL: none is kept */
	bool		many;			/* there were more than the map takes: from then on */
	Datum		seen[2 << SEEN_BITS];	/* the last two keys in each place */
	Datum		waiting[WAITING_KEYS];
	int			n_waiting;
	Datum		list[LIST_KEYS];	/* keys to queue */
	int			n_listed;
} StatementKeys;

static StatementKeys statement; /* pages that few keys never touch cost nothing */

/* Free what is not worth keeping for the next statement. */
static void
release(void)
{
	if (statement.map && !statement.map->byval)
	{
		statement.map = NULL;
		MemoryContextReset(statement.context);
	}
	statement.many = false;
}

static void
empty_map(void)
{
	if (statement.map && statement.map->byval)
		keymap_clear(statement.map);
	else
	{
		MemoryContextReset(statement.context);
		statement.map = keymap_create(statement.context, statement.type, sizeof(Datum));
	}
}

void
statement_keys_begin(int64 scorecard_id, Oid key_type)
{
	if (statement.context == NULL)
		statement.context = AllocSetContextCreate(TopMemoryContext, "custprio captured keys", ALLOCSET_DEFAULT_SIZES);
	release();
	statement.scorecard_id = scorecard_id;
	if (statement.type != key_type)
		statement.map = NULL;
	statement.type = key_type;
	empty_map();
}

static inline Datum *
place_of(Datum key)
{
	return &statement.seen[keymap_hash(statement.map, key) >> (64 - SEEN_BITS) << 1];
}

/* List those of the waiting keys that are not among the last ones. */
static void
list_waiting(void)
{
	for (int i = 0; i < statement.n_waiting; i++)
		__builtin_prefetch(place_of(statement.waiting[i]));
	for (int i = 0; i < statement.n_waiting; i++)
	{
		Datum		key = statement.waiting[i];
		Datum	   *place = place_of(key);

		if (place[0] == key || place[1] == key)
			continue;
		place[1] = place[0];
		place[0] = key;
		if (statement.n_listed == LIST_KEYS)
		{
			queue_add_list(statement.scorecard_id, statement.map, statement.list, statement.n_listed);
			statement.n_listed = 0;
		}
		statement.list[statement.n_listed++] = key;
	}
	statement.n_waiting = 0;
}

/* From now on keys go to the list, those of the map first. */
static void
begin_list(void)
{
	Datum		other = 1;

	memset(statement.seen, 0, sizeof(statement.seen));
	statement.n_waiting = statement.n_listed = 0;
	statement.many = true;
	/* zeroes are no keys but in the place where 0 belongs: there must be one that does not */
	while (place_of(other) == place_of(0))
		other++;
	place_of(0)[0] = place_of(0)[1] = other;
	StaticAssertStmt(EXACT_KEYS <= WAITING_KEYS, "the keys of the map must have room");
	for (uint32 id = 0; id < statement.map->n; id++)
		statement.waiting[statement.n_waiting++] = keymap_key(statement.map, id);
}

void
statement_keys_add(Datum value, FmgrInfo *cast)
{
	KeyMap	   *map = statement.map;
	MemoryContext caller = MemoryContextSwitchTo(statement.context);
	Datum		key = cast ? FunctionCall1(cast, value) : value;
	bool		found;

	if (statement.many)
	{
		MemoryContextSwitchTo(caller);
		if (statement.n_waiting == WAITING_KEYS)
			list_waiting();
		statement.waiting[statement.n_waiting++] = key;
		return;
	}
	if (!map->byval && map->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(map, key, keymap_hash(map, key), &found);
	/* the map has a copy of its own; rows of few customers may be many */
	if (!map->byval && key != value)
		pfree(DatumGetPointer(key));
	MemoryContextSwitchTo(caller);
	if (map->byval && map->n >= EXACT_KEYS)
		begin_list();
	else if (map->n >= KEYS_AT_A_TIME)
	{
		queue_add(statement.scorecard_id, map);
		empty_map();
	}
}

void
statement_keys_end(void)
{
	if (statement.many)
	{
		list_waiting();
		queue_add_list(statement.scorecard_id, statement.map, statement.list, statement.n_listed);
	}
	else
		queue_add(statement.scorecard_id, statement.map);
	release();
}
