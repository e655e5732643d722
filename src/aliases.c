/*
 * aliases.c: keys that stand for the same customer.
 *
 * The CRM's own relation says which keys are duplicates of which: pairs of alias and canonical key. They are applied
 * while the source and the relation of customers are read, before anything is summed up: so a merged customer is what
 * it would be had all rows carried the canonical key, and when the pair is gone the next rebuild makes two of it again,
 * each as it was. Chains are followed to their end. Only the query path maps keys: a source with aliases is not scanned
 * directly.
 *
 * Nothing tells when the relation changes, but its pairs are read with each refresh: when they are not those under
 * which the state was made, the refresh becomes a rebuild.
 */
#include "custprio.h"

#include "aliases.h"
#include "card_argument.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "expression.h"
#include "miscadmin.h"
#include "query.h"
#include "relation.h"
#include "scheduler.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(custprio_set_aliases);

typedef struct AliasEntry
{
	Datum		key;
	Datum		canonical;		/* in the map's context, or the key of another entry */
	bool		resolved;
} AliasEntry;

typedef struct AliasReader
{
	const Scorecard *card;
	KeyMap	   *map;
	uint64		sum;			/* of the hashes of all pairs, which no order changes */
} AliasReader;

static char *
alias_query(const char *relation, const char *alias, const char *canonical)
{
	return psprintf("SELECT (%s), (%s) FROM %s", alias, canonical, relation);
}

/* set_aliases(name, relation, alias, canonical): NULL relation: no aliases any more */
Datum
custprio_set_aliases(PG_FUNCTION_ARGS)
{
	char	   *search_path = pstrdup(namespace_search_path);
	Scorecard  *card = own_card_argument(fcinfo, "set_aliases()");
	Datum		id = Int64GetDatum(card->id);
	Oid			id_type = INT8OID;

	catalog_execute("DELETE FROM custprio.alias_source WHERE scorecard_id = $1", 1, &id_type, &id, NULL);
	catalog_execute("DELETE FROM custprio.alias_state WHERE scorecard_id = $1", 1, &id_type, &id, NULL);
	if (!PG_ARGISNULL(1))
	{
		Oid			relid = PG_GETARG_OID(1);
		char	   *relation = relation_checked_name(relid, "relation", card->name);
		Expression	expr[2] = {{.argument = "alias",.kind = EXPRESSION_KEY}, {.argument = "canonical",.kind = EXPRESSION_KEY}};
		OwnerScope	scope;

		owner_scope_enter(&scope, card->owner, card->time_zone);
		for (int i = 0; i < 2; i++)
		{
			expr[i].text = PG_ARGISNULL(2 + i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2 + i));
			expression_check(&expr[i], relid, search_path);
			if (expr[i].type != card->key_type)
				ereport(ERROR,
						(errcode(ERRCODE_DATATYPE_MISMATCH),
						 errmsg("argument \"%s\" must have the type of the scorecard's customers", expr[i].argument),
						 errdetail("It is %s, the published key %s.", format_type_be(expr[i].type),
								   format_type_be(card->key_type)),
						 errhint("Cast it to that type.")));
		}
		query_try(alias_query(relation, expr[0].text, expr[1].text), "relation");
		owner_scope_leave(&scope);
		catalog_execute("INSERT INTO custprio.alias_source (scorecard_id, relation, alias, canonical)"
						" VALUES ($1, $2, $3, $4)", 4, (Oid[]) {INT8OID, TEXTOID, TEXTOID, TEXTOID},
						(Datum[]) {id, CStringGetTextDatum(relation), CStringGetTextDatum(expr[0].text),
								   CStringGetTextDatum(expr[1].text)}, NULL);
	}
	/* what the state holds is by the old keys */
	catalog_execute("UPDATE custprio.scorecard SET version = version + 1 WHERE scorecard_id = $1", 1, &id_type, &id, NULL);
	scheduler_wake_at_commit();
	PG_RETURN_VOID();
}

static char *
key_text(const Scorecard *card, Datum key)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(card->key_type, &output, &is_varlena);
	return OidOutputFunctionCall(output, key);
}

/* A key of a row, detoasted, in the map's context. */
static Datum
lasting_key(const KeyMap *map, Datum key)
{
	MemoryContext old = MemoryContextSwitchTo(map->context);

	if (!map->byval && map->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_COPY(key));
	else if (!map->byval)
	{
		char	   *copy = palloc(map->typlen);

		memcpy(copy, DatumGetPointer(key), map->typlen);
		key = PointerGetDatum(copy);
	}
	MemoryContextSwitchTo(old);
	return key;
}

static bool
same_key(const KeyMap *map, Datum a, Datum b)
{
	Size		a_len;
	Size		b_len;
	const char *a_bytes;
	const char *b_bytes;

	if (map->byval)
		return ((uint64) a << map->unused_bits) == ((uint64) b << map->unused_bits);
	a_bytes = keymap_bytes(map, a, &a_len);
	b_bytes = keymap_bytes(map, b, &b_len);
	return a_len == b_len && memcmp(a_bytes, b_bytes, a_len) == 0;
}

static void
take_pair(TupleTableSlot *slot, void *arg)
{
	AliasReader *reader = arg;
	KeyMap	   *map = reader->map;
	Datum		alias;
	Datum		canonical;
	AliasEntry *entry;
	bool		found;

	/* a pair without either says nothing, nor does one of equal keys */
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		return;
	alias = lasting_key(map, slot->tts_values[0]);
	canonical = lasting_key(map, slot->tts_values[1]);
	if (same_key(map, alias, canonical))
		return;
	entry = keymap_entry(map, keymap_insert(map, alias, keymap_hash(map, alias), &found));
	if (found && !same_key(map, entry->canonical, canonical))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("alias \"%s\" of scorecard \"%s\" stands for two customers",
						key_text(reader->card, alias), reader->card->name),
				 errdetail("They are \"%s\" and \"%s\".", key_text(reader->card, entry->canonical),
						   key_text(reader->card, canonical)),
				 errhint("Keep one of the two rows.")));
	entry->canonical = canonical;
	if (!found)
		reader->sum += hash_combine64(keymap_hash(map, alias), keymap_hash(map, canonical));
}

static AliasEntry *
find_entry(const KeyMap *map, Datum key)
{
	uint32		id = keymap_find(map, key, keymap_hash(map, key));

	return id == KEYMAP_NONE ? NULL : keymap_entry(map, id);
}

/* Let every alias stand for the end of its chain. */
static void
resolve_chains(const Scorecard *card, KeyMap *map)
{
	for (uint32 id = 0; id < map->n; id++)
	{
		AliasEntry *entry = keymap_entry(map, id);
		Datum		end = entry->canonical;
		uint32		steps = 0;
		AliasEntry *next;

		while ((next = find_entry(map, end)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			end = next->canonical;
			if (next->resolved)
				break;
			if (++steps > map->n)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_RECURSION),
						 errmsg("aliases of scorecard \"%s\" go round in a circle", card->name),
						 errdetail("Customer \"%s\" stands for itself by way of others.", key_text(card, end)),
						 errhint("Remove one of the rows of the circle.")));
		}
		entry->canonical = end;
		entry->resolved = true;
	}
}

static void
read_alias_source(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	for (int i = 0; i < 3; i++)
		((char **) arg)[i] = TextDatumGetCString(heap_getattr(row, i + 1, desc, &isnull));
}

void
aliases_read(Scorecard *card)
{
	AliasReader reader = {.card = card};
	QueryRows	rows = {NULL, take_pair, &reader};
	char	   *column[3];
	Aliases    *aliases;

	card->aliases = NULL;
	if (catalog_select("SELECT relation, alias, canonical FROM custprio.alias_source WHERE scorecard_id = $1", 1,
					   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_alias_source, column) == 0)
		return;
	reader.map = keymap_create(CurrentMemoryContext, card->key_type, sizeof(AliasEntry));
	query_each(alias_query(column[0], column[1], column[2]), InvalidOid, (Datum) 0, &rows,
			   psprintf("the aliases of scorecard \"%s\"", card->name));
	aliases = palloc(sizeof(Aliases));
	aliases->map = reader.map;
	aliases->fingerprint = psprintf("%u " UINT64_FORMAT, reader.map->n, reader.sum);
	resolve_chains(card, reader.map);
	card->aliases = aliases;
}

Datum
alias_canonical(const Aliases *aliases, Datum key)
{
	AliasEntry *entry = aliases ? find_entry(aliases->map, key) : NULL;

	return entry ? entry->canonical : key;
}

const KeyMap *
aliases_canonical(const Scorecard *card, const KeyMap *keys)
{
	KeyMap	   *canonical;

	if (card->aliases == NULL)
		return keys;
	canonical = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	for (uint32 id = 0; id < keys->n; id++)
	{
		Datum		key = alias_canonical(card->aliases, keymap_key(keys, id));
		bool		found;

		keymap_insert(canonical, key, keymap_hash(canonical, key), &found);
	}
	return canonical;
}

const KeyMap *
aliases_expand(const Scorecard *card, const KeyMap *keys)
{
	const KeyMap *map = card->aliases ? card->aliases->map : NULL;
	KeyMap	   *all;
	bool		found;

	if (map == NULL)
		return keys;
	all = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	for (uint32 id = 0; id < keys->n; id++)
		keymap_insert(all, keymap_key(keys, id), keymap_hash(all, keymap_key(keys, id)), &found);
	for (uint32 id = 0; id < map->n; id++)
	{
		AliasEntry *entry = keymap_entry(map, id);

		if (keymap_find(keys, entry->canonical, keymap_hash(keys, entry->canonical)) != KEYMAP_NONE)
			keymap_insert(all, entry->key, keymap_hash(all, entry->key), &found);
	}
	return all;
}

/* A column of all pairs as a literal array: 0 the aliases, 1 what they stand for. */
static char *
pairs_literal(const Scorecard *card, int column)
{
	const KeyMap *map = card->aliases->map;
	Datum	   *keys = palloc(map->n * sizeof(Datum));
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Oid			output;
	bool		is_varlena;

	for (uint32 id = 0; id < map->n; id++)
		keys[id] = column == 0 ? keymap_key(map, id) : ((AliasEntry *) keymap_entry(map, id))->canonical;
	get_typlenbyvalalign(card->key_type, &typlen, &typbyval, &typalign);
	getTypeOutputInfo(get_array_type(card->key_type), &output, &is_varlena);
	return psprintf("%s::%s[]",
					quote_literal_cstr(OidOutputFunctionCall(output, PointerGetDatum(construct_array(keys, map->n, card->key_type,
																									  typlen, typbyval, typalign)))),
					format_type_be_qualified(card->key_type));
}

const char *
aliases_join(const Scorecard *card, const char **key)
{
	char	   *join;

	if (card->aliases == NULL || card->aliases->map->n == 0)
		return "";
	join = psprintf(" LEFT JOIN ROWS FROM (pg_catalog.unnest(%s), pg_catalog.unnest(%s))"
					" AS \"custprio: aliases\" (\"custprio: alias\", \"custprio: canonical\")"
					" ON (%s) OPERATOR(pg_catalog.=) \"custprio: alias\"",
					pairs_literal(card, 0), pairs_literal(card, 1), *key);
	*key = psprintf("COALESCE(\"custprio: canonical\", (%s))", *key);
	return join;
}

static void
read_fingerprint(HeapTuple row, TupleDesc desc, void *arg)
{
	bool		isnull;

	*(char **) arg = TextDatumGetCString(heap_getattr(row, 1, desc, &isnull));
}

bool
aliases_applied(const Scorecard *card)
{
	char	   *fingerprint = NULL;

	if (card->aliases == NULL)
		return true;
	catalog_select("SELECT fingerprint FROM custprio.alias_state WHERE scorecard_id = $1", 1,
				   (Oid[]) {INT8OID}, (Datum[]) {Int64GetDatum(card->id)}, NULL, read_fingerprint, &fingerprint);
	return fingerprint && strcmp(fingerprint, card->aliases->fingerprint) == 0;
}

void
aliases_note(const Scorecard *card)
{
	if (card->aliases && !aliases_applied(card))
		catalog_execute("INSERT INTO custprio.alias_state (scorecard_id, fingerprint) VALUES ($1, $2)"
						" ON CONFLICT (scorecard_id) DO UPDATE SET fingerprint = EXCLUDED.fingerprint", 2,
						(Oid[]) {INT8OID, TEXTOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(card->aliases->fingerprint)}, NULL);
}
