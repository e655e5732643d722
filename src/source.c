/*
 * source.c: reading the source of a scorecard.
 *
 * The general way is a query, planned and run by PostgreSQL as for anybody. It works for every relation kind,
 * expression, filter and row security policy. source_scan.c has the short cut for plain tables. Both feed the same
 * purchase table.
 */
#include "custprio.h"

#include "aliases.h"
#include "query.h"
#include "source.h"

#include "lib/stringinfo.h"
#include "utils/lsyscache.h"

typedef struct SourceQuery
{
	const Scorecard *card;
	DateADT		as_of;
	SourceResult *result;
} SourceQuery;

static void
start_query(TupleDesc desc, void *arg)
{
	SourceQuery *query = arg;
	PurchaseRule rule;

	purchase_rule_set(&rule, query->card, query->as_of,
					  getBaseType(TupleDescAttr(desc, 1)->atttypid),
					  getBaseType(TupleDescAttr(desc, 2)->atttypid));
	source_result_start(query->result, &rule);
}

static Datum
alias_of_row(const SourceQuery *query, Datum key)
{
	const KeyMap *map = query->result->table->part[0].map;

	if (!map->byval && map->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	return alias_canonical(query->card->aliases, key);
}

static void
take_row(TupleTableSlot *slot, void *arg)
{
	SourceQuery *query = arg;

	if (query->card->aliases && !slot->tts_isnull[0])
		slot->tts_values[0] = alias_of_row(query, slot->tts_values[0]);
	if (purchase_table_add(query->result->table, slot->tts_values, slot->tts_isnull))
		source_limit_memory(query->result);
}

/* Run the query of the source; keys, when its type is valid, is an array of the customers wanted. */
static void
source_query(const Scorecard *card, DateADT as_of, SourceResult *result, Oid keys_type, Datum keys)
{
	SourceQuery query = {card, as_of, result};
	QueryRows	rows = {start_query, take_row, &query};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT (%s), (%s), (%s) FROM %s", card->customer, card->purchased_at, card->amount,
					 card->source);
	if (card->filter)
		appendStringInfo(&sql, " WHERE (%s)", card->filter);
	if (OidIsValid(keys_type))
		appendStringInfo(&sql, " %s (%s) OPERATOR(pg_catalog.=) ANY ($1)", card->filter ? "AND" : "WHERE",
						 card->customer);
	query_each(sql.data, keys_type, keys, &rows, psprintf("the source of scorecard \"%s\"", card->name));
	purchase_table_flush_all(result->table);
}

SourceResult *
source_read(const Scorecard *card, DateADT as_of)
{
	SourceResult *result = source_result_create();

	if (!custprio_fast_scan || card->aliases || !source_scan(card, as_of, result))
		source_query(card, as_of, result, InvalidOid, (Datum) 0);

	/* what is left in memory goes to the files, so that each partition is whole */
	if (result->spill)
		purchase_spill_write(result->spill, result->table);
	return result;
}

SourceResult *
source_read_customers(const Scorecard *card, DateADT as_of, const KeyMap *keys)
{
	SourceResult *result = source_result_create();

	source_query(card, as_of, result, get_array_type(card->key_type),
				 keymap_array(aliases_expand(card, keys), card->key_type));

	/* few customers: they fit, even if their rows came in too many pieces for the limit */
	if (result->spill)
	{
		purchase_spill_write(result->spill, result->table);
		for (int i = 0; i < PURCHASE_PARTITIONS; i++)
			purchase_spill_read(result->spill, i, result->table, NULL, 0);
		purchase_spill_close(result->spill);
		result->spill = NULL;
	}
	return result;
}
