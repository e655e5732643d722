/*
 * statement_keys.c: the customers that statements changed, on their way into the queue.
 *
 * Keys by value are listed. The first of them are told apart exactly, by a small hash table whose slots need no emptying.
 * Where they come to many, as when rows are copied in bulk, a table of the last two keys in each of many places passes
 * over most repetitions without missing the processor's caches: the queue may hold a key several times, a refresh looks at
 * it once. Keys by reference are copied into a map.
 *
 * Nothing is queued before the statement has ended: then its trigger has fired, which tells that its keys are no invention,
 * and no refresh within the statement can have taken in what comes again later. What holds the keys is kept from one
 * statement to the next. A statement that fails leaves its keys behind; they are thrown away when its subtransaction ends.
 */
#include "custprio.h"

#include "statement_keys.h"

#include "access/xact.h"
#include "keymap.h"
#include "miscadmin.h"
#include "queue.h"
#include "utils/memutils.h"

#define EXACT_KEYS		512
#define EXACT_SLOTS		(2 * EXACT_KEYS)
#define WAITING_KEYS	512		/* looked up together: between rows the caches are full of other things */
#define LIST_KEYS		4096	/* room that is kept from one statement to the next */
#define SEEN_BITS		12		/* of the number of places */
#define HOLDERS_KEPT	8		/* from one transaction to the next */

typedef struct Holder
{
	StatementKeys keys;			/* must be first */
	struct Holder *next;
	bool		begun;
	MemoryContext context;		/* the map's */
	KeyMap	   *map;			/* of keys by value it is only the type that counts; NULL: none is kept */
	uint32		stamp;			/* of these keys in the slots */
	bool		many;			/* there were more than EXACT_KEYS: from then on */
	bool		too_many;		/* and more than memory takes: none is kept any more */
	int			n_waiting;
	int64		n_listed;
	int64		list_size;
	Datum	   *list;			/* keys to queue */
	uint32		stamps[EXACT_SLOTS];
	/* pages that few keys never touch cost nothing */
	Datum		slots[EXACT_SLOTS];
	Datum		waiting[WAITING_KEYS];
	Datum		seen[2 << SEEN_BITS];	/* the last two keys in each place */
} Holder;

uint64		statement_keys_era = 0;

static Holder *holders = NULL;
static int	n_holders = 0;

static void
new_map(Holder *holder)
{
	holder->map = NULL;			/* should there be no memory */
	MemoryContextReset(holder->context);
	holder->map = keymap_create(holder->context, holder->keys.type, sizeof(Datum));
}

/* Keys of a subtransaction that committed, which ought to be none, are from now on its parent's; others are forgotten. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	for (Holder *holder = holders; holder; holder = holder->next)
		if (holder->begun && holder->keys.subid == subid)
		{
			if (event == SUBXACT_EVENT_COMMIT_SUB)
				holder->keys.subid = parent;
			else
				statement_keys_end(&holder->keys);
		}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		return;
	for (Holder **at = &holders; *at;)
	{
		Holder	   *holder = *at;

		if (holder->begun)
			statement_keys_end(&holder->keys);
		if (n_holders <= HOLDERS_KEPT)
			at = &holder->next;
		else
		{
			*at = holder->next;
			MemoryContextDelete(holder->context);
			if (holder->list)
				pfree(holder->list);
			pfree(holder);
			n_holders--;
		}
	}
}

static Holder *
new_holder(void)
{
	static bool registered = false;
	Holder	   *holder = MemoryContextAlloc(TopMemoryContext, sizeof(Holder));

	if (!registered)
	{
		registered = true;
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
	}
	memset(holder, 0, offsetof(Holder, slots));
	holder->context = AllocSetContextCreate(TopMemoryContext, "custprio captured keys", ALLOCSET_DEFAULT_SIZES);
	holder->next = holders;
	holders = holder;
	n_holders++;
	return holder;
}

static bool
is_of(const Holder *holder, int64 scorecard_id, const char *label, SubTransactionId subid)
{
	return holder->begun && holder->keys.scorecard_id == scorecard_id && holder->keys.subid == subid &&
		strcmp(holder->keys.label, label) == 0;
}

StatementKeys *
statement_keys_pending(int64 scorecard_id, const char *label)
{
	SubTransactionId subid = GetCurrentSubTransactionId();

	for (Holder *holder = holders; holder; holder = holder->next)
		if (is_of(holder, scorecard_id, label, subid))
			return &holder->keys;
	return NULL;
}

StatementKeys *
statement_keys(int64 scorecard_id, const char *label, Oid key_type)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Holder	   *free = NULL;

	for (Holder *holder = holders; holder; holder = holder->next)
	{
		if (!holder->begun)
			free = holder;
		else if (is_of(holder, scorecard_id, label, subid) && holder->keys.type == key_type)
			return &holder->keys;
	}
	if (free == NULL)
		free = new_holder();
	if (free->map == NULL || free->keys.type != key_type)
	{
		free->keys.type = key_type;
		new_map(free);
	}
	free->n_waiting = free->n_listed = 0;
	free->many = free->too_many = false;
	if (++free->stamp == 0)
	{
		memset(free->stamps, 0, sizeof(free->stamps));
		free->stamp = 1;
	}
	free->keys.scorecard_id = scorecard_id;
	strlcpy(free->keys.label, label, sizeof(free->keys.label));
	free->keys.subid = subid;
	free->begun = true;
	return &free->keys;
}

static inline Datum *
place_of(Holder *holder, Datum key)
{
	return &holder->seen[keymap_hash(holder->map, key) >> (64 - SEEN_BITS) << 1];
}

/* Of too many keys none is kept. */
static void
give_up(Holder *holder)
{
	holder->too_many = true;
	holder->n_waiting = holder->n_listed = 0;
	if (!holder->map->byval)
		new_map(holder);
}

static void
make_room(Holder *holder)
{
	int64		size = Max(2 * holder->list_size, LIST_KEYS);

	holder->list = holder->list ? repalloc_huge(holder->list, size * sizeof(Datum)) :
		MemoryContextAllocHuge(TopMemoryContext, size * sizeof(Datum));
	holder->list_size = size;
}

/* List those of the waiting keys that are not among the last ones. */
static void
list_waiting(Holder *holder)
{
	StaticAssertStmt(EXACT_KEYS <= LIST_KEYS, "the keys that are told apart must have room");
	if (holder->n_listed + holder->n_waiting > holder->list_size)
	{
		if (holder->n_listed * sizeof(Datum) >= maintenance_work_mem * (Size) 1024)
		{
			give_up(holder);
			return;
		}
		make_room(holder);
	}
	for (int i = 0; i < holder->n_waiting; i++)
		__builtin_prefetch(place_of(holder, holder->waiting[i]));
	for (int i = 0; i < holder->n_waiting; i++)
	{
		Datum		key = holder->waiting[i];
		Datum	   *place = place_of(holder, key);

		if (place[0] == key || place[1] == key)
			continue;
		place[1] = place[0];
		place[0] = key;
		holder->list[holder->n_listed++] = key;
	}
	holder->n_waiting = 0;
}

/* From now on only the last ones are told apart. */
static void
begin_seen(Holder *holder)
{
	Datum		other = 1;

	memset(holder->seen, 0, sizeof(holder->seen));
	holder->many = true;
	/* zeroes are no keys but in the place where 0 belongs: there must be one that does not */
	while (place_of(holder, other) == place_of(holder, 0))
		other++;
	place_of(holder, 0)[0] = place_of(holder, 0)[1] = other;
	for (int64 i = 0; i < holder->n_listed; i++)
	{
		Datum	   *place = place_of(holder, holder->list[i]);

		place[1] = place[0];
		place[0] = holder->list[i];
	}
}

/* Put a key into the slots; false when it is there. */
static inline bool
insert_exact(Holder *holder, Datum key)
{
	uint32		at = (uint32) keymap_hash(holder->map, key) % EXACT_SLOTS;

	for (; holder->stamps[at] == holder->stamp; at = (at + 1) % EXACT_SLOTS)
		if (holder->slots[at] == key)
			return false;
	holder->stamps[at] = holder->stamp;
	holder->slots[at] = key;
	return true;
}

static void
add_by_reference(Holder *holder, Datum value, FmgrInfo *cast)
{
	KeyMap	   *map = holder->map;
	MemoryContext caller = MemoryContextSwitchTo(holder->context);
	Datum		key = cast ? FunctionCall1(cast, value) : value;
	bool		found;

	if (map->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(map, key, keymap_hash(map, key), &found);
	/* the map has a copy of its own; rows of few customers may be many */
	if (key != value)
		pfree(DatumGetPointer(key));
	MemoryContextSwitchTo(caller);
	if (!found && map->n % 1024 == 0 &&
		MemoryContextMemAllocated(holder->context, true) >= maintenance_work_mem * (Size) 1024)
		give_up(holder);
}

void
statement_keys_add(StatementKeys *keys, Datum value, FmgrInfo *cast)
{
	Holder	   *holder = (Holder *) keys;
	Datum		key;

	if (holder->too_many)
		return;
	if (!holder->map->byval)
	{
		add_by_reference(holder, value, cast);
		return;
	}
	key = cast ? FunctionCall1(cast, value) : value;
	key = (uint64) key << holder->map->unused_bits >> holder->map->unused_bits;
	if (holder->many)
	{
		if (holder->n_waiting == WAITING_KEYS)
			list_waiting(holder);
		holder->waiting[holder->n_waiting++] = key;
	}
	else if (insert_exact(holder, key))
	{
		if (holder->list_size == 0)
			make_room(holder);
		holder->list[holder->n_listed++] = key;
		if (holder->n_listed == EXACT_KEYS)
			begin_seen(holder);
	}
}

void
statement_keys_queue(StatementKeys *keys)
{
	Holder	   *holder = (Holder *) keys;

	if (holder->many && !holder->too_many)
		list_waiting(holder);
	if (holder->too_many)
		queue_add(keys->scorecard_id, NULL);
	else if (holder->map->byval)
		queue_add_list(keys->scorecard_id, holder->map, holder->list, holder->n_listed);
	else
		queue_add(keys->scorecard_id, holder->map);
}

void
statement_keys_end(StatementKeys *keys)
{
	Holder	   *holder = (Holder *) keys;

	holder->begun = false;
	statement_keys_era++;
	/* keep no more than the next statement is likely to need */
	if (holder->list_size > LIST_KEYS)
	{
		pfree(holder->list);
		holder->list = NULL;
		holder->list_size = 0;
	}
	if (holder->map && !holder->map->byval)
	{
		holder->map = NULL;
		MemoryContextReset(holder->context);
	}
}
