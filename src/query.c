/*
 * query.c: the rows of a query, one by one.
 *
 * A receiver of our own below the executor: the planner, views, row security and parallel plans work as for anybody,
 * and no result is stored or copied.
 */
#include "custprio.h"

#include "expression.h"
#include "query.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"

typedef struct RowReceiver
{
	DestReceiver pub;
	const QueryRows *rows;
} RowReceiver;

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc desc)
{
	const QueryRows *rows = ((RowReceiver *) self)->rows;

	if (rows->start)
		rows->start(desc, rows->arg);
}

static bool
receiver_receive(TupleTableSlot *slot, DestReceiver *self)
{
	const QueryRows *rows = ((RowReceiver *) self)->rows;

	slot_getallattrs(slot);
	rows->row(slot, rows->arg);
	return true;
}

static void
receiver_nothing(DestReceiver *self)
{
}

void
query_each(const char *sql, Oid param_type, Datum param, const QueryRows *rows, const char *what)
{
	RowReceiver receiver;
	SPIExecuteOptions options;
	int			nargs = OidIsValid(param_type) ? 1 : 0;
	SPIPlanPtr	plan;
	int			rc;

	memset(&receiver, 0, sizeof(receiver));
	receiver.pub.receiveSlot = receiver_receive;
	receiver.pub.rStartup = receiver_startup;
	receiver.pub.rShutdown = receiver_nothing;
	receiver.pub.rDestroy = receiver_nothing;
	receiver.pub.mydest = DestTuplestore;	/* SPI takes a SELECT into DestNone for a utility command */
	receiver.rows = rows;

	memset(&options, 0, sizeof(options));
	options.read_only = true;	/* stay with the active snapshot */
	options.dest = (DestReceiver *) &receiver;

	SPI_connect();
	if (nargs > 0)
	{
		options.params = makeParamList(1);
		options.params->params[0].value = param;
		options.params->params[0].isnull = false;
		options.params->params[0].pflags = PARAM_FLAG_CONST;
		options.params->params[0].ptype = param_type;
	}
	plan = SPI_prepare_cursor(sql, nargs, &param_type, CURSOR_OPT_PARALLEL_OK);
	rc = plan ? SPI_execute_plan_extended(plan, &options) : SPI_result;
	if (rc != SPI_OK_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not read %s: %s", what, SPI_result_code_string(rc))));
	SPI_finish();
}

static void
take_key(TupleTableSlot *slot, void *arg)
{
	KeyMap	   *keys = arg;
	Datum		key = slot->tts_values[0];
	bool		found;

	if (slot->tts_isnull[0])
		return;
	if (!keys->byval && keys->typlen < 0)
		key = PointerGetDatum(PG_DETOAST_DATUM_PACKED(key));
	keymap_insert(keys, key, keymap_hash(keys, key), &found);
}

void
query_keys(const char *sql, Oid param_type, Datum param, KeyMap *keys, const char *what)
{
	QueryRows	rows = {NULL, take_key, keys};

	query_each(sql, param_type, param, &rows, what);
}

static void
ignore_row(TupleTableSlot *slot, void *arg)
{
}

void
query_try(const char *sql, const char *argument)
{
	MemoryContext context = CurrentMemoryContext;
	QueryRows	rows = {NULL, ignore_row, NULL};

	PG_TRY();
	{
		query_each(psprintf("%s LIMIT 0", sql), InvalidOid, (Datum) 0, &rows, argument);
	}
	PG_CATCH();
	{
		rethrow_for_argument(context, argument,
							 psprintf("Role %s must be able to run: %s",
									  quote_identifier(GetUserNameFromId(GetUserId(), false)), sql));
	}
	PG_END_TRY();
}
