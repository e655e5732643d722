/*
 * channel.c: the aggregate channel_preference(channel [, min_contacts]): the channel that a customer uses most, and how clearly.
 *
 * The state is a list of channels with their counts, sorted by bytes: there are few channels, and equal data then give
 * an equal list whatever the plan.
 */
#include "custprio.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(custprio_channel_add);
PG_FUNCTION_INFO_V1(custprio_channel_combine);
PG_FUNCTION_INFO_V1(custprio_channel_serialize);
PG_FUNCTION_INFO_V1(custprio_channel_deserialize);
PG_FUNCTION_INFO_V1(custprio_channel_final);

#define CHANNELS_MAX	1000
#define LEAST_CONTACTS	3		/* fewer show no preference */

typedef struct Channel
{
	text	   *name;
	int64		n;
} Channel;

typedef struct Channels
{
	MemoryContext context;
	int			n;
	int			room;
	int32		least;			/* contacts below which there is no preference; 0: not known yet */
	Channel    *channel;
} Channels;

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

static Channels *
channels_create(MemoryContext context)
{
	Channels   *channels = MemoryContextAllocZero(context, sizeof(Channels));

	channels->context = context;
	return channels;
}

static int
compare_names(const text *a, const text *b)
{
	int			length_a = VARSIZE_ANY_EXHDR(a);
	int			length_b = VARSIZE_ANY_EXHDR(b);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(length_a, length_b));

	return order ? order : length_a - length_b;
}

static void
count(Channels *channels, const text *name, int64 n)
{
	int			low = 0;
	int			high = channels->n;
	MemoryContext old;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = compare_names(channels->channel[middle].name, name);

		if (order == 0)
		{
			channels->channel[middle].n += n;
			return;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (channels->n == CHANNELS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many channels"),
				 errdetail("There are more than %d different ones.", CHANNELS_MAX),
				 errhint("Group them into fewer first.")));
	old = MemoryContextSwitchTo(channels->context);
	if (channels->n == channels->room)
	{
		channels->room = Max(4, channels->room * 2);
		channels->channel = channels->channel ? repalloc(channels->channel, channels->room * sizeof(Channel)) :
			palloc(channels->room * sizeof(Channel));
	}
	memmove(channels->channel + low + 1, channels->channel + low, (channels->n - low) * sizeof(Channel));
	channels->channel[low].name = cstring_to_text_with_len(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	channels->channel[low].n = n;
	channels->n++;
	MemoryContextSwitchTo(old);
}

static void
set_least(Channels *channels, int32 least)
{
	if (least < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"min_contacts\" must be 1 or more"),
				 errdetail("It is %d.", least)));
	if (channels->least != 0 && channels->least != least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"min_contacts\" must be the same in all rows"),
				 errdetail("It is %d, and was %d.", least, channels->least)));
	channels->least = least;
}

/* (state, channel [, min_contacts]) */
Datum
custprio_channel_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Channels   *channels = PG_ARGISNULL(0) ? channels_create(context) : (Channels *) PG_GETARG_POINTER(0);

	if (PG_NARGS() > 2 && PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"min_contacts\" must not be NULL")));
	set_least(channels, PG_NARGS() > 2 ? PG_GETARG_INT32(2) : LEAST_CONTACTS);
	if (!PG_ARGISNULL(1))
		count(channels, PG_GETARG_TEXT_PP(1), 1);
	PG_RETURN_POINTER(channels);
}

Datum
custprio_channel_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	Channels   *channels = PG_ARGISNULL(0) ? NULL : (Channels *) PG_GETARG_POINTER(0);
	Channels   *other = PG_ARGISNULL(1) ? NULL : (Channels *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (channels == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(channels);
	}
	if (channels == NULL)
		channels = channels_create(context);
	set_least(channels, other->least);
	for (int i = 0; i < other->n; i++)
		count(channels, other->channel[i].name, other->channel[i].n);
	PG_RETURN_POINTER(channels);
}

Datum
custprio_channel_serialize(PG_FUNCTION_ARGS)
{
	Channels   *channels = (Channels *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, channels->least);
	pq_sendint32(&buffer, channels->n);
	for (int i = 0; i < channels->n; i++)
	{
		int			length = VARSIZE_ANY_EXHDR(channels->channel[i].name);

		pq_sendint64(&buffer, channels->channel[i].n);
		pq_sendint32(&buffer, length);
		pq_sendbytes(&buffer, VARDATA_ANY(channels->channel[i].name), length);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
custprio_channel_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Channels   *channels;
	StringInfoData buffer;
	int			n;

	aggregate_context(fcinfo);
	channels = channels_create(CurrentMemoryContext);
	initStringInfo(&buffer);
	appendBinaryStringInfo(&buffer, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	set_least(channels, pq_getmsgint(&buffer, 4));
	n = pq_getmsgint(&buffer, 4);
	for (int i = 0; i < n; i++)
	{
		int64		contacts = pq_getmsgint64(&buffer);
		int			length = pq_getmsgint(&buffer, 4);
		text	   *name = cstring_to_text_with_len(pq_getmsgbytes(&buffer, length), length);

		count(channels, name, contacts);
		pfree(name);
	}
	pq_getmsgend(&buffer);
	pfree(buffer.data);
	PG_RETURN_POINTER(channels);
}

/* (channel, share, entropy, n) */
Datum
custprio_channel_final(PG_FUNCTION_ARGS)
{
	Channels   *channels = PG_ARGISNULL(0) ? NULL : (Channels *) PG_GETARG_POINTER(0);
	int64		n = 0,
				most = 0;
	int			best = 0,
				equals = 0;
	double		entropy = 0;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};

	aggregate_context(fcinfo);
	if (channels == NULL || channels->n == 0)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < channels->n; i++)
	{
		n += channels->channel[i].n;
		equals = channels->channel[i].n == most ? equals + 1 : channels->channel[i].n > most ? 1 : equals;
		if (channels->channel[i].n > most)
			most = channels->channel[best = i].n;
	}
	for (int i = 0; i < channels->n; i++)
	{
		double		share = (double) channels->channel[i].n / n;

		entropy -= share * log2(share);
	}
	values[0] = n < channels->least || equals > 1 ? CStringGetTextDatum("mixed") :
		PointerGetDatum(channels->channel[best].name);
	values[1] = Float8GetDatum((double) most / n);
	/* 0, not -0 */
	values[2] = Float8GetDatum(entropy + 0.0);
	values[3] = Int64GetDatum(n);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
