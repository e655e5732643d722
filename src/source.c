/*
 * source.c: reading the source of a scorecard.
 *
 * The general way is a query, planned and run by PostgreSQL as for anybody, whose rows a receiver of our own takes
 * one by one. It works for every relation kind, expression, filter and row security policy. source_scan.c has the
 * short cut for plain tables. Both feed the same purchase table.
 */
#include "custprio.h"

#include "source.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct PurchaseReceiver
{
	DestReceiver pub;
	const Scorecard *card;
	DateADT		as_of;
	SourceResult *result;
} PurchaseReceiver;

SourceResult *
source_result_create(void)
{
	SourceResult *result = palloc0(sizeof(SourceResult));

	result->context = CurrentMemoryContext;
	return result;
}

/* Begin to read, from wherever the executor may be. */
void
source_result_start(SourceResult *result, const PurchaseRule *rule)
{
	MemoryContext old = MemoryContextSwitchTo(result->context);

	result->table = purchase_table_create(rule);
	MemoryContextSwitchTo(old);
}

int
source_partitions(const SourceResult *result)
{
	return result->spill ? SPILL_PARTITIONS : 1;
}

void
source_partition(SourceResult *result, int partition)
{
	if (result->spill == NULL)
		return;
	purchase_table_reset(result->table);
	purchase_spill_read(result->spill, partition, result->table, NULL, 0);
}

void
source_limit_memory(SourceResult *result)
{
	MemoryContext old;

	if (purchase_table_memory(result->table) <= (Size) custprio_rebuild_memory * 1024)
		return;
	old = MemoryContextSwitchTo(result->context);
	if (result->spill == NULL)
		result->spill = purchase_spill_create();
	purchase_spill_write(result->spill, result->table);
	MemoryContextSwitchTo(old);
}

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	PurchaseReceiver *receiver = (PurchaseReceiver *) self;
	PurchaseRule rule;

	purchase_rule_set(&rule, receiver->card, receiver->as_of,
					  getBaseType(TupleDescAttr(desc, 1)->atttypid),
					  getBaseType(TupleDescAttr(desc, 2)->atttypid));
	source_result_start(receiver->result, &rule);
}

static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	PurchaseReceiver *receiver = (PurchaseReceiver *) self;

	slot_getallattrs(slot);
	if (purchase_table_add(receiver->result->table, slot->tts_values, slot->tts_isnull))
		source_limit_memory(receiver->result);
	return true;
}

static void
receiver_shutdown(DestReceiver *self)
{
}

static void
receiver_destroy(DestReceiver *self)
{
}

/* Run the query of the source; keys, when not NULL, is an array of the customers wanted. */
static void
source_query(const Scorecard *card, DateADT as_of, SourceResult *result, Datum keys, Oid keys_type)
{
	PurchaseReceiver receiver;
	SPIExecuteOptions options;
	StringInfoData sql;
	ParamListInfo params = NULL;
	SPIPlanPtr	plan;
	int			rc;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT (%s), (%s), (%s) FROM %s", card->customer, card->purchased_at, card->amount,
					 card->source);
	if (card->filter)
		appendStringInfo(&sql, " WHERE (%s)", card->filter);
	if (keys)
		appendStringInfo(&sql, " %s (%s) OPERATOR(pg_catalog.=) ANY ($1)", card->filter ? "AND" : "WHERE",
						 card->customer);

	memset(&receiver, 0, sizeof(receiver));
	receiver.pub.receiveSlot = receiver_receive;
	receiver.pub.rStartup = receiver_startup;
	receiver.pub.rShutdown = receiver_shutdown;
	receiver.pub.rDestroy = receiver_destroy;
	receiver.pub.mydest = DestNone;
	receiver.card = card;
	receiver.as_of = as_of;
	receiver.result = result;

	SPI_connect();
	if (keys)
	{
		params = makeParamList(1);
		params->params[0].value = keys;
		params->params[0].pflags = PARAM_FLAG_CONST;
		params->params[0].ptype = keys_type;
	}
	plan = SPI_prepare(sql.data, keys ? 1 : 0, &keys_type);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not prepare the query of scorecard \"%s\": %s",
						card->name, SPI_result_code_string(SPI_result))));
	memset(&options, 0, sizeof(options));
	options.params = params;
	options.read_only = true;	/* stay with the active snapshot */
	options.dest = (DestReceiver *) &receiver;
	rc = SPI_execute_plan_extended(plan, &options);
	if (rc != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read the source of scorecard \"%s\": %s",
						card->name, SPI_result_code_string(rc))));
	SPI_finish();
	purchase_table_flush(result->table);
}

SourceResult *
source_read(const Scorecard *card, DateADT as_of)
{
	SourceResult *result = source_result_create();

	if (!custprio_fast_scan || !source_scan(card, as_of, result))
		source_query(card, as_of, result, (Datum) 0, InvalidOid);

	/* what is left in memory goes to the files, so that each partition is whole */
	if (result->spill)
		purchase_spill_write(result->spill, result->table);
	return result;
}

SourceResult *
source_read_customers(const Scorecard *card, DateADT as_of, const Datum *keys, int n)
{
	SourceResult *result = source_result_create();
	int16		typlen;
	bool		typbyval;
	char		typalign;
	ArrayType  *array;

	get_typlenbyvalalign(card->key_type, &typlen, &typbyval, &typalign);
	array = construct_array((Datum *) keys, n, card->key_type, typlen, typbyval, typalign);
	source_query(card, as_of, result, PointerGetDatum(array), get_array_type(card->key_type));
	if (result->spill)
	{
		PurchaseTable *table = result->table;

		purchase_spill_write(result->spill, table);
		for (int i = 0; i < SPILL_PARTITIONS; i++)
			purchase_spill_read(result->spill, i, table, NULL, 0);
		purchase_spill_close(result->spill);
		result->spill = NULL;
	}
	return result;
}
