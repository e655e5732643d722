/*
 * noop.c: a trigger function that does nothing, for bench/capture.sh alone.
 *
 * On a trigger with transition tables it costs what PostgreSQL itself asks for having them: what custprio adds is the
 * difference to this.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(noop);

Datum
noop(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}
