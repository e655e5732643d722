/*
 * forget.c: forget(), the erasure of one customer from what a scorecard keeps.
 *
 * Every row that names the customer goes: from the priority table, the state, the tier history, the queue and the
 * decisions about single customers. Totals stay: thresholds, fits and the accounts of runs name nobody. The source is
 * its owner's; a customer who is still there comes back when the source is read again, which a notice says.
 */
#include "custprio.h"

#include "aliases.h"
#include "card_argument.h"
#include "compute.h"
#include "declaration.h"
#include "queue.h"
#include "source.h"
#include "table_reader.h"
#include "table_writer.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(custprio_forget);

/* A set with one key, given as text. */
static KeyMap *
key_from_text(const Scorecard *card, char *text)
{
	KeyMap	   *keys = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	Oid			input;
	Oid			param;
	Datum		key;
	bool		found;

	getTypeInputInfo(card->key_type, &input, &param);
	key = OidInputFunctionCall(input, text, param, -1);
	if (!keys->byval && keys->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(keys, key, keymap_hash(keys, key), &found);
	return keys;
}

/* Delete the customer's rows of a published table; returns how many there were. */
static int64
forget_rows(const Scorecard *card, Oid relid, const KeyMap *keys)
{
	TableWriter *writer = table_writer_open(relid);
	AttrNumber	column = published_column(writer->rel, "customer_id", card->key_type);
	TableReader *reader = table_reader_open_keys(writer->rel, column, keys);
	TupleTableSlot *slot;
	int64		deleted;

	while ((slot = table_reader_next(reader)) != NULL)
		table_writer_delete(writer, slot);
	table_reader_close(reader);
	deleted = writer->deleted;
	table_writer_close(writer);
	return deleted;
}

/* Rows of the queue name many customers: put back what they say of the others. */
static int64
forget_queued(const Scorecard *card, const KeyMap *keys)
{
	ChangeQueue *queue = queue_read(card->id, card->key_type, false, GetActiveSnapshot());
	KeyMap	   *others;
	Datum		key = keymap_key(keys, 0);

	if (keymap_find(queue->keys, key, keymap_hash(keys, key)) == KEYMAP_NONE)
		return 0;
	others = keymap_create(CurrentMemoryContext, card->key_type, sizeof(Datum));
	for (uint32 id = 0; id < queue->keys->n; id++)
	{
		Datum		other = keymap_key(queue->keys, id);
		bool		found;

		if (keymap_find(keys, other, keymap_hash(keys, other)) == KEYMAP_NONE)
			keymap_insert(others, other, keymap_hash(others, other), &found);
	}
	queue_delete(queue);
	queue_add(card->id, others);
	if (queue->everything)
		queue_add(card->id, NULL);
	return 1;
}

/* Decisions about single customers, which are kept by the text of the key. */
static int64
forget_decisions(const Scorecard *card, const char *text)
{
	if (!OidIsValid(get_relname_relid("tier_override", get_namespace_oid("custprio", false))))
		return 0;
	return catalog_execute("DELETE FROM custprio.tier_override WHERE scorecard_id = $1 AND customer = $2", 2,
						   (Oid[]) {INT8OID, TEXTOID},
						   (Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(text)}, NULL);
}

/* Whether the next reading of the source finds the customer again. */
static bool
is_in_source(Scorecard *card, const KeyMap *keys)
{
	declaration_verify(card);
	aliases_read(card);
	/* on any day: rows are counted before their day is looked at */
	if (source_read_customers(card, 0, keys)->table->rows.read > 0)
		return true;
	return card->customers && refresh_listed(card, keys)->n > 0;
}

/* forget(name, customer): one row per kind of rows */
Datum
custprio_forget(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *customer = text_to_cstring(PG_GETARG_TEXT_PP(1));
	static const char *const kinds[] = {"priority", "purchases", "tier_history", "queue", "overrides"};
	int64		rows[lengthof(kinds)];
	Scorecard  *card;
	OwnerScope	scope;
	KeyMap	   *keys;
	bool		back;

	PreventCommandDuringRecovery("forget()");
	PreventCommandIfReadOnly("forget()");
	InitMaterializedSRF(fcinfo, 0);
	card = scorecard_lock_own(text_to_cstring(PG_GETARG_TEXT_PP(0)), LOAD_TO_REFRESH);
	PushActiveSnapshot(GetLatestSnapshot());
	owner_scope_enter(&scope, card->owner, card->time_zone);
	keys = key_from_text(card, customer);
	rows[0] = forget_rows(card, card->priority_relid, keys);
	rows[1] = forget_rows(card, card->purchases_relid, keys);
	rows[2] = forget_rows(card, card->history_relid, keys);
	back = is_in_source(card, keys);
	customer = value_text(card->key_type, keymap_key(keys, 0), false);
	owner_scope_leave(&scope);
	rows[3] = forget_queued(card, keys);
	PopActiveSnapshot();
	rows[4] = forget_decisions(card, customer);
	if (back)
		ereport(NOTICE,
				(errmsg("customer \"%s\" is still in the source of scorecard \"%s\"", customer, card->name),
				 errdetail("A refresh that reads the source again brings the customer back."),
				 errhint("Delete the customer there first.")));
	for (int i = 0; i < lengthof(kinds); i++)
	{
		Datum		values[2] = {CStringGetTextDatum(kinds[i]), Int64GetDatum(rows[i])};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
