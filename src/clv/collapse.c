/*
 * collapse.c: calibration statistics of many customers, equal ones counted once.
 *
 * With times in whole days a million customers have about a hundred thousand different histories, and one-time buyers a
 * few hundred, so every evaluation of a likelihood gets ten times cheaper. Equal means equal bits, with -0 as 0.
 */
#include "custprio.h"

#include "clv/collapse.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

typedef struct Entry
{
	ClvHistory	h;
	uint32		hash;
	char		status;
} Entry;

/* The key is the profile, and what stands before the weight: three doubles without a gap. */
static inline uint32
hash_history(const ClvHistory *h)
{
	return hash_bytes((const unsigned char *) h, offsetof(ClvHistory, weight)) ^ (uint32) h->profile * 0x9e3779b1;
}

static inline bool
same_history(const ClvHistory *a, const ClvHistory *b)
{
	return a->x == b->x && a->t_x == b->t_x && a->t == b->t && a->profile == b->profile;
}

#define SH_PREFIX histories
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE ClvHistory
#define SH_KEY h
#define SH_HASH_KEY(table, key) hash_history(&(key))
#define SH_EQUAL(table, a, b) same_history(&(a), &(b))
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct ClvCollapse
{
	histories_hash *table;
};

ClvCollapse *
clv_collapse_create(MemoryContext context)
{
	ClvCollapse *collapse = MemoryContextAlloc(context, sizeof(ClvCollapse));

	collapse->table = histories_create(context, 1024, NULL);
	return collapse;
}

void
clv_collapse_add(ClvCollapse *collapse, double x, double t_x, double t, double weight)
{
	clv_collapse_history(collapse, (ClvHistory) {.x = x,.t_x = t_x,.t = t,.weight = weight});
}

void
clv_collapse_history(ClvCollapse *collapse, ClvHistory h)
{
	bool		found;
	Entry	   *entry;

	/* adding 0 makes 0 of -0 */
	h.x += 0.0;
	h.t_x += 0.0;
	h.t += 0.0;
	entry = histories_insert(collapse->table, h, &found);
	if (found)
		entry->h.weight += h.weight;
	else
		entry->h = h;
}

ClvHistory *
clv_collapse_rows(const ClvCollapse *collapse, long *n)
{
	ClvHistory *rows = MemoryContextAllocHuge(CurrentMemoryContext,
											  Max(collapse->table->members, 1) * sizeof(ClvHistory));
	histories_iterator i;
	Entry	   *entry;

	*n = 0;
	histories_start_iterate(collapse->table, &i);
	while ((entry = histories_iterate(collapse->table, &i)) != NULL)
		rows[(*n)++] = entry->h;
	return rows;
}

static inline int
compare_histories(const ClvHistory *a, const ClvHistory *b)
{
	if (a->profile != b->profile)
		return a->profile < b->profile ? -1 : 1;
	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	if (a->t_x != b->t_x)
		return a->t_x < b->t_x ? -1 : 1;
	if (a->t != b->t)
		return a->t < b->t ? -1 : 1;
	/* so that the sum of unequal weights does not depend on the order they came in */
	return a->weight < b->weight ? -1 : a->weight > b->weight;
}

#define ST_SORT sort_histories
#define ST_ELEMENT_TYPE ClvHistory
#define ST_COMPARE(a, b) compare_histories(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#define ST_DECLARE
#include "lib/sort_template.h"

#define ST_SORT sort_times
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_DEFINE
#define ST_DECLARE
#include "lib/sort_template.h"

static int
find_time(const ClvGroup *group, double time)
{
	int			low = 0,
				high = group->n_times - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (group->time[middle] < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
index_times(ClvData *data, ClvGroup *group)
{
	long		rows = group->last - group->first;
	double	   *time = MemoryContextAllocHuge(CurrentMemoryContext, 2 * rows * sizeof(double));
	int			n = 0;

	for (long i = 0; i < rows; i++)
	{
		time[2 * i] = data->row[group->first + i].t_x;
		time[2 * i + 1] = data->row[group->first + i].t;
	}
	sort_times(time, 2 * rows);
	for (long i = 0; i < 2 * rows; i++)
		if (n == 0 || time[i] > time[n - 1])
			time[n++] = time[i];
	group->time = time;
	group->n_times = n;
	for (long i = group->first; i < group->last; i++)
	{
		data->at_t_x[i] = find_time(group, data->row[i].t_x);
		data->at_t[i] = find_time(group, data->row[i].t);
	}
}

ClvData *
clv_data_create(ClvHistory *rows, long n, bool with_times)
{
	ClvData    *data = palloc0(sizeof(ClvData));
	int			room = 64;

	sort_histories(rows, n);
	for (long i = 0; i < n; i++)
	{
		if (data->n > 0 && same_history(&rows[data->n - 1], &rows[i]))
			rows[data->n - 1].weight += rows[i].weight;
		else
			rows[data->n++] = rows[i];
	}
	data->row = rows;
	data->group = palloc(room * sizeof(ClvGroup));
	for (long i = 0; i < data->n; i++)
	{
		if (i == 0 || rows[i - 1].x != rows[i].x || rows[i - 1].profile != rows[i].profile)
		{
			if (data->n_groups == room)
			{
				room *= 2;
				data->group = repalloc_huge(data->group, room * sizeof(ClvGroup));
			}
			data->group[data->n_groups++] = (ClvGroup) {.x = rows[i].x,.first = i};
		}
		data->group[data->n_groups - 1].last = i + 1;
	}
	if (with_times)
	{
		data->at_t_x = MemoryContextAllocHuge(CurrentMemoryContext, Max(data->n, 1) * sizeof(int));
		data->at_t = MemoryContextAllocHuge(CurrentMemoryContext, Max(data->n, 1) * sizeof(int));
		for (int g = 0; g < data->n_groups; g++)
		{
			index_times(data, &data->group[g]);
			CHECK_FOR_INTERRUPTS();
		}
	}
	return data;
}
