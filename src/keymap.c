/*
 * keymap.c: from customer keys to dense ids.
 *
 * Open addressing with linear probing over 8-byte slots, at most half full. Ids follow the order of insertion, so
 * arrays beside the map can be indexed by them.
 */
#include "custprio.h"

#include "keymap.h"
#include "large_pages.h"

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define FIRST_SLOTS 128

#define ST_SORT sort_by_integer
#define ST_ELEMENT_TYPE KeyedEntry
#define ST_COMPARE(a, b) (((int64) (a)->key > (int64) (b)->key) - ((int64) (a)->key < (int64) (b)->key))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_by_bytes
#define ST_ELEMENT_TYPE KeyedEntry
#define ST_COMPARE(a, b, len) memcmp(DatumGetPointer((a)->key), DatumGetPointer((b)->key), *(len))
#define ST_COMPARE_ARG_TYPE Size
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

KeyMap *
keymap_create(MemoryContext context, Oid key_type, Size entry_size)
{
	KeyMap	   *map = MemoryContextAllocZero(context, sizeof(KeyMap));

	Assert(entry_size >= sizeof(Datum));
	map->context = context;
	get_typlenbyval(key_type, &map->typlen, &map->byval);
	map->unused_bits = map->byval ? (sizeof(Datum) - map->typlen) * BITS_PER_BYTE : 0;
	map->entry_size = MAXALIGN(entry_size);
	map->capacity = FIRST_SLOTS / 2;
	map->entries = MemoryContextAlloc(context, map->capacity * map->entry_size);
	map->mask = FIRST_SLOTS - 1;
	map->slots = MemoryContextAllocZero(context, FIRST_SLOTS * sizeof(uint64));
	return map;
}

static inline bool
same_key(const KeyMap *map, Datum a, Datum b)
{
	Size		len_a,
				len_b;
	const char *bytes_a,
			   *bytes_b;

	if (map->byval)
		return (uint64) (a ^ b) << map->unused_bits == 0;
	bytes_a = keymap_bytes(map, a, &len_a);
	bytes_b = keymap_bytes(map, b, &len_b);
	return len_a == len_b && memcmp(bytes_a, bytes_b, len_a) == 0;
}

/* The slot where the key is, or the free one where it would go. */
static inline uint32
probe(const KeyMap *map, Datum key, uint64 hash)
{
	uint32		at = keymap_slot(map, hash);

	for (;;)
	{
		uint64		slot = map->slots[at];

		if (slot == 0)
			return at;
		if ((uint32) (slot >> 32) == (uint32) (hash >> 32) &&
			same_key(map, keymap_key(map, (uint32) slot - 1), key))
			return at;
		at = (at + 1) & map->mask;
	}
}

uint32
keymap_find(const KeyMap *map, Datum key, uint64 hash)
{
	return (uint32) map->slots[probe(map, key, hash)] - 1;
}

static void
resize(KeyMap *map, uint64 n_slots)
{
	if (n_slots > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many customers"),
				 errdetail("One scorecard can hold at most %u customers.", map->capacity)));

	map->entries = repalloc_huge(map->entries, (Size) n_slots / 2 * map->entry_size);
	map->capacity = n_slots / 2;
	prefer_large_pages(map->entries, map->capacity * map->entry_size);
	pfree(map->slots);
	map->slots = MemoryContextAllocHuge(map->context, n_slots * sizeof(uint64));
	prefer_large_pages(map->slots, n_slots * sizeof(uint64));
	memset(map->slots, 0, n_slots * sizeof(uint64));
	map->mask = n_slots - 1;
	for (uint32 id = 0; id < map->n; id++)
	{
		uint64		hash = keymap_hash(map, keymap_key(map, id));
		uint32		at = keymap_slot(map, hash);

		while (map->slots[at] != 0)
			at = (at + 1) & map->mask;
		map->slots[at] = (hash & UINT64CONST(0xffffffff00000000)) | (id + 1);
	}
}

void
keymap_reserve(KeyMap *map, uint64 n)
{
	uint64		n_slots = (uint64) map->mask + 1;

	while (n_slots / 2 < n)
		n_slots *= 2;
	if (n_slots / 2 > map->capacity)
		resize(map, n_slots);
}

static Datum
copy_key(KeyMap *map, Datum key)
{
	Size		len;
	const char *bytes;
	char	   *copy;

	if (map->byval)
		return key;
	bytes = keymap_bytes(map, key, &len);
	if (map->typlen > 0)
	{
		copy = MemoryContextAlloc(map->context, len);
		memcpy(copy, bytes, len);
	}
	else
	{
		copy = MemoryContextAlloc(map->context, VARHDRSZ + len);
		SET_VARSIZE(copy, VARHDRSZ + len);
		memcpy(VARDATA(copy), bytes, len);
	}
	return PointerGetDatum(copy);
}

uint32
keymap_insert(KeyMap *map, Datum key, uint64 hash, bool *found)
{
	uint32		at = probe(map, key, hash);
	char	   *entry;

	*found = map->slots[at] != 0;
	if (*found)
		return (uint32) map->slots[at] - 1;

	if (map->n >= map->capacity)
	{
		resize(map, ((uint64) map->mask + 1) * 2);
		at = probe(map, key, hash);
	}
	entry = keymap_entry(map, map->n);
	*(Datum *) entry = copy_key(map, key);
	if (map->entry_size > sizeof(Datum))
		memset(entry + sizeof(Datum), 0, map->entry_size - sizeof(Datum));
	map->slots[at] = (hash & UINT64CONST(0xffffffff00000000)) | (map->n + 1);
	return map->n++;
}

void
keymap_sort_entries(const KeyMap *map, KeyedEntry *items, int64 n)
{
	Size		len = Max(map->typlen, 0);

	if (map->byval)
		sort_by_integer(items, n);
	else if (map->typlen > 0)
		sort_by_bytes(items, n, &len);
}

Datum
keymap_array(const KeyMap *map, Oid key_type)
{
	Datum	   *keys = palloc((map->n + 1) * sizeof(Datum));
	int16		typlen;
	bool		typbyval;
	char		typalign;

	for (uint32 id = 0; id < map->n; id++)
		keys[id] = keymap_key(map, id);
	get_typlenbyvalalign(key_type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_array(keys, map->n, key_type, typlen, typbyval, typalign));
}
