/*
 * keymap.h: from customer keys to dense ids 0, 1, 2, ... and back.
 *
 * Key types are those whose equality is equality of bytes, so one hash and one comparison serve all of them. Each id
 * has an entry of a size of the caller's choice whose first member is the key.
 */
#ifndef CUSTPRIO_KEYMAP_H
#define CUSTPRIO_KEYMAP_H

#include "common/hashfn.h"
#include "fmgr.h"

#define KEYMAP_NONE PG_UINT32_MAX

typedef struct KeyMap
{
	MemoryContext context;		/* holds keys, entries and slots */
	bool		byval;
	int16		typlen;
	int			unused_bits;	/* of a Datum by value: what they are depends on where it comes from */
	Size		entry_size;
	char	   *entries;
	uint32		n;
	uint32		capacity;
	uint64	   *slots;			/* upper half: of the hash; lower half: id + 1, 0 when free */
	uint32		mask;			/* number of slots - 1 */
} KeyMap;

extern KeyMap *keymap_create(MemoryContext context, Oid key_type, Size entry_size);

/* Make room for n keys at once: growing step by step copies and hashes all of them each time. */
extern void keymap_reserve(KeyMap *map, uint64 n);

/* The id of a key, or KEYMAP_NONE. */
extern uint32 keymap_find(const KeyMap *map, Datum key, uint64 hash);

/* The same, making a zeroed entry with a copy of the key where there is none. */
extern uint32 keymap_insert(KeyMap *map, Datum key, uint64 hash, bool *found);

/* All keys as an array of their type. */
extern Datum keymap_array(const KeyMap *map, Oid key_type);

/* A customer on the way into an index. */
typedef struct KeyedEntry
{
	Datum		key;
	void	   *entry;
} KeyedEntry;

/*
 * Sort by key where that is cheap (integers and other by-value types, uuid), so that index pages fill one after the
 * other. Other types stay as they are; the order has no other meaning.
 */
extern void keymap_sort_entries(const KeyMap *map, KeyedEntry *items, int64 n);

static inline void *
keymap_entry(const KeyMap *map, uint32 id)
{
	return map->entries + (Size) id * map->entry_size;
}

static inline Datum
keymap_key(const KeyMap *map, uint32 id)
{
	return *(Datum *) keymap_entry(map, id);
}

/* Bytes of a by-reference key; a toasted one must have been detoasted. */
static inline const char *
keymap_bytes(const KeyMap *map, Datum key, Size *len)
{
	if (map->typlen > 0)
	{
		*len = map->typlen;
		return DatumGetPointer(key);
	}
	*len = VARSIZE_ANY_EXHDR(DatumGetPointer(key));
	return VARDATA_ANY(DatumGetPointer(key));
}

static inline uint64
keymap_hash(const KeyMap *map, Datum key)
{
	Size		len;
	const char *bytes;

	if (map->byval)
	{
		uint64		h = (uint64) key << map->unused_bits;

		h ^= h >> 33;
		h *= UINT64CONST(0xff51afd7ed558ccd);
		h ^= h >> 33;
		h *= UINT64CONST(0xc4ceb9fe1a85ec53);
		h ^= h >> 33;
		return h;
	}
	bytes = keymap_bytes(map, key, &len);
	return hash_bytes_extended((const unsigned char *) bytes, len, 0);
}

static inline uint32
keymap_slot(const KeyMap *map, uint64 hash)
{
	return (uint32) hash & map->mask;
}

/* The id that the first slot of a hash points to, nearly always the right one; KEYMAP_NONE when it is free. */
static inline uint32
keymap_guess(const KeyMap *map, uint64 hash)
{
	return (uint32) map->slots[keymap_slot(map, hash)] - 1;
}

/* Whether a key as a table stores it can be hashed as it is: it is neither compressed nor out of line. */
static inline bool
keymap_can_hash(const KeyMap *map, Datum key)
{
	return map->byval || map->typlen > 0 || !VARATT_IS_EXTENDED(DatumGetPointer(key)) ||
		VARATT_IS_SHORT(DatumGetPointer(key));
}

#endif
