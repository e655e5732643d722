/*
 * profiles.c: distinct vectors of covariates, numbered.
 *
 * Customers who share their covariates share their parameters, and most covariates have few different values.
 */
#include "custprio.h"

#include "clv/profiles.h"

#include <limits.h>

#include "common/hashfn.h"
#include "utils/memutils.h"

/* Vectors are found by number: the one that is looked for stands behind the last. */
typedef struct Entry
{
	int			number;
	char		status;
} Entry;

static uint32 hash_vector(const ClvProfiles *profiles, int number);
static bool same_vector(const ClvProfiles *profiles, int a, int b);

#define SH_PREFIX profiles
#define SH_ELEMENT_TYPE Entry
#define SH_KEY_TYPE int
#define SH_KEY number
#define SH_HASH_KEY(table, key) hash_vector((table)->private_data, key)
#define SH_EQUAL(table, a, b) same_vector((table)->private_data, a, b)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct ClvProfiles
{
	int			width;
	int			n;
	int			room;
	double	   *value;			/* n vectors, and room for one more */
	profiles_hash *table;
};

static uint32
hash_vector(const ClvProfiles *profiles, int number)
{
	return hash_bytes((const unsigned char *) clv_profiles_vector(profiles, number), profiles->width * sizeof(double));
}

static bool
same_vector(const ClvProfiles *profiles, int a, int b)
{
	return memcmp(clv_profiles_vector(profiles, a), clv_profiles_vector(profiles, b),
				  profiles->width * sizeof(double)) == 0;
}

ClvProfiles *
clv_profiles_create(MemoryContext context, int width)
{
	ClvProfiles *profiles = MemoryContextAllocZero(context, sizeof(ClvProfiles));

	profiles->width = width;
	profiles->room = 64;
	profiles->value = MemoryContextAlloc(context, Max(profiles->room * width, 1) * sizeof(double));
	profiles->table = profiles_create(context, 64, profiles);
	return profiles;
}

int
clv_profiles_number(ClvProfiles *profiles, const double *vector)
{
	double	   *last;
	bool		found;
	Entry	   *entry;

	if (profiles->n == profiles->room)
	{
		if (profiles->room > INT_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many different covariates")));
		profiles->room *= 2;
		profiles->value = repalloc_huge(profiles->value,
										Max((Size) profiles->room * profiles->width, 1) * sizeof(double));
	}
	last = profiles->value + (Size) profiles->n * profiles->width;
	/* adding 0 makes 0 of -0 */
	for (int i = 0; i < profiles->width; i++)
		last[i] = vector[i] + 0.0;
	entry = profiles_insert(profiles->table, profiles->n, &found);
	if (!found)
		profiles->n++;
	return entry->number;
}

int
clv_profiles_count(const ClvProfiles *profiles)
{
	return profiles->n;
}

const double *
clv_profiles_vector(const ClvProfiles *profiles, int number)
{
	return profiles->value + (Size) number * profiles->width;
}

static int
compare_numbers(const void *a, const void *b, void *arg)
{
	const ClvProfiles *profiles = arg;
	const double *left = clv_profiles_vector(profiles, *(const int *) a);
	const double *right = clv_profiles_vector(profiles, *(const int *) b);

	for (int i = 0; i < profiles->width; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

double *
clv_profiles_sorted(const ClvProfiles *profiles, int **rank)
{
	Size		size = (Size) profiles->width * sizeof(double);
	double	   *sorted = MemoryContextAllocHuge(CurrentMemoryContext, Max(profiles->n * size, 1));
	int		   *number = MemoryContextAllocHuge(CurrentMemoryContext, Max(profiles->n, 1) * sizeof(int));

	*rank = MemoryContextAllocHuge(CurrentMemoryContext, Max(profiles->n, 1) * sizeof(int));
	for (int i = 0; i < profiles->n; i++)
		number[i] = i;
	qsort_arg(number, profiles->n, sizeof(int), compare_numbers, unconstify(ClvProfiles *, profiles));
	for (int i = 0; i < profiles->n; i++)
	{
		memcpy(sorted + (Size) i * profiles->width, clv_profiles_vector(profiles, number[i]), size);
		(*rank)[number[i]] = i;
	}
	pfree(number);
	return sorted;
}
