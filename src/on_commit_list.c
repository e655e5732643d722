/*
 * on_commit_list.c: the scorecards to refresh before this transaction commits.
 *
 * What a transaction puts into the queue of a scorecard with refresh_on_commit is noted here, for on_commit.c to take at
 * its end.
 */
#include "custprio.h"

#include "on_commit_list.h"
#include "scorecard.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Whether a scorecard is refreshed at commit; kept until a declaration changes in this respect. */
typedef struct CachedCard
{
	int64		id;				/* hash key */
	bool		on_commit;
} CachedCard;

static HTAB *cards = NULL;
static Oid	declarations = InvalidOid;	/* custprio.scorecard, whose invalidation empties the cache */
static List *touched = NIL;		/* of int64 *, in this transaction */

static Oid
declarations_relid(void)
{
	return get_relname_relid("scorecard", get_namespace_oid("custprio", true));
}

static void
forget_cards(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CachedCard *card;

	if (relid != InvalidOid && relid != declarations)
		return;
	hash_seq_init(&status, cards);
	while ((card = hash_seq_search(&status)) != NULL)
		(void) hash_search(cards, &card->id, HASH_REMOVE, NULL);
}

void
on_commit_forget(void)
{
	CacheInvalidateRelcacheByRelid(declarations_relid());
}

static bool
is_on_commit(int64 id)
{
	CachedCard *card = cards ? hash_search(cards, &id, HASH_FIND, NULL) : NULL;
	bool		on_commit;

	if (card)
		return card->on_commit;
	on_commit = catalog_select("SELECT 1 FROM custprio.scorecard WHERE scorecard_id = $1 AND refresh_on_commit", 1,
							   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(id)}, NULL, NULL, NULL) > 0;
	if (cards == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(CachedCard)};

		cards = hash_create("custprio scorecards to refresh at commit", 16, &control, HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(forget_cards, (Datum) 0);
	}
	declarations = declarations_relid();
	card = hash_search(cards, &id, HASH_ENTER, NULL);
	card->on_commit = on_commit;
	return on_commit;
}

void
on_commit_note(int64 id)
{
	MemoryContext old;
	ListCell   *lc;
	int64	   *noted;

	foreach(lc, touched)
		if (*(int64 *) lfirst(lc) == id)
			return;
	if (!is_on_commit(id))
		return;
	old = MemoryContextSwitchTo(TopTransactionContext);
	noted = palloc(sizeof(int64));
	*noted = id;
	touched = lappend(touched, noted);
	MemoryContextSwitchTo(old);
}

List *
on_commit_take(void)
{
	List	   *taken = touched;

	touched = NIL;
	return taken;
}
