/*
 * ranking.c: values as dense ranks.
 *
 * Breaks, cuts and scores depend on the order of values and on which are equal, not on the values: they are computed
 * on ranks, whatever the type. Days and frequencies lie in a narrow range, so counting orders them without a sort.
 */
#include "custprio.h"

#include "ranking.h"

#include "exact.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

typedef struct Int64Item
{
	int64		value;
	int32		at;
} Int64Item;

typedef struct NumericItem
{
	Numeric		value;
	int32		at;
} NumericItem;

#define ST_SORT sort_int64_items
#define ST_ELEMENT_TYPE Int64Item
#define ST_COMPARE(a, b) (((a)->value > (b)->value) - ((a)->value < (b)->value))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_numeric_items
#define ST_ELEMENT_TYPE NumericItem
#define ST_COMPARE(a, b) exact_compare((a)->value, (b)->value)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ALLOC_ARRAY(type, n) ((type *) MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(type)))

static Ranking *
ranking_create(int32 n)
{
	Ranking    *ranking = palloc0(sizeof(Ranking));

	ranking->n = n;
	ranking->rank = ALLOC_ARRAY(int32, n);
	return ranking;
}

static void
ranking_alloc_ranks(Ranking *ranking, int64 most)
{
	ranking->count = ALLOC_ARRAY(int64, most);
	ranking->example = ALLOC_ARRAY(int32, most);
}

/* The next item in ascending order; new_rank unless it equals the one before. */
static inline void
ranking_next(Ranking *ranking, int32 at, bool new_rank)
{
	if (new_rank)
	{
		ranking->example[ranking->n_ranks] = at;
		ranking->count[ranking->n_ranks++] = 0;
	}
	ranking->count[ranking->n_ranks - 1]++;
	ranking->rank[at] = ranking->n_ranks - 1;
}

/* Values from low to low + range - 1. */
static void
rank_by_counting(Ranking *ranking, const int64 *values, int64 low, int64 range)
{
	int32	   *slot = ALLOC_ARRAY(int32, range);

	memset(slot, 0xff, range * sizeof(int32));
	for (int32 i = 0; i < ranking->n; i++)
		slot[values[i] - low] = i;
	ranking_alloc_ranks(ranking, Min(range, ranking->n));
	for (int64 at = 0; at < range; at++)
	{
		if (slot[at] < 0)
			continue;
		ranking->example[ranking->n_ranks] = slot[at];
		ranking->count[ranking->n_ranks] = 0;
		slot[at] = ranking->n_ranks++;
	}
	for (int32 i = 0; i < ranking->n; i++)
	{
		ranking->rank[i] = slot[values[i] - low];
		ranking->count[ranking->rank[i]]++;
	}
	pfree(slot);
}

Ranking *
rank_int64(const int64 *values, int32 n)
{
	Ranking    *ranking = ranking_create(n);
	Int64Item  *items;
	int64		low,
				high;

	if (n == 0)
		return ranking;
	low = high = values[0];
	for (int32 i = 1; i < n; i++)
	{
		low = Min(low, values[i]);
		high = Max(high, values[i]);
	}
	/* unsigned, because the difference may not fit */
	if ((uint64) high - (uint64) low < (uint64) n * 2 + 1024)
	{
		rank_by_counting(ranking, values, low, high - low + 1);
		return ranking;
	}

	items = ALLOC_ARRAY(Int64Item, n);
	for (int32 i = 0; i < n; i++)
	{
		items[i].value = values[i];
		items[i].at = i;
	}
	sort_int64_items(items, n);
	ranking_alloc_ranks(ranking, n);
	for (int32 i = 0; i < n; i++)
		ranking_next(ranking, items[i].at, i == 0 || items[i].value != items[i - 1].value);
	pfree(items);
	return ranking;
}

Ranking *
rank_numeric(const Numeric *values, int32 n)
{
	Ranking    *ranking = ranking_create(n);
	NumericItem *items = ALLOC_ARRAY(NumericItem, n);

	for (int32 i = 0; i < n; i++)
	{
		items[i].value = values[i];
		items[i].at = i;
	}
	sort_numeric_items(items, n);
	ranking_alloc_ranks(ranking, n);
	for (int32 i = 0; i < n; i++)
		ranking_next(ranking, items[i].at, i == 0 || exact_compare(items[i].value, items[i - 1].value) != 0);
	pfree(items);
	return ranking;
}
