/*
 * valueset.c: the values of one group, of any sortable type, kept as integers where that is exact.
 *
 * Quantiles and ABC classes sort all values of a group. Integers, dates, times, floats and nearly all amounts map to
 * an int64 that sorts in the same order, which is an order of magnitude faster than calling the type's comparison
 * through datums, and smaller. A set of numerics starts out as mantissas on the finest scale seen and turns itself
 * into datums when one does not fit, so callers never need to care.
 *
 * What a caller picks from a sorted set never depends on the order of input, even if some values are equal but look
 * different: numerics all come back with the display scale of the finest, anything else ('24 hours' and '1 day') is
 * ordered by its bytes.
 */
#include "valueset.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "exact.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define INITIAL_CAPACITY	8

static int	compare_datums(Datum left, Datum right, const ValueType *type);

#define ST_SORT sort_keys
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_datums
#define ST_ELEMENT_TYPE Datum
#define ST_COMPARE_ARG_TYPE const ValueType
#define ST_COMPARE(a, b, type) compare_datums(*(a), *(b), type)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Types
 */

void
value_type_init(ValueType *type, Oid declared, Oid collation, MemoryContext memory)
{
	TypeCacheEntry *entry;

	memset(type, 0, sizeof(*type));
	type->type = declared;
	type->base = getBaseType(declared);
	type->collation = collation;
	get_typlenbyvalalign(type->base, &type->length, &type->by_value, &type->align);

	switch (type->base)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case MONEYOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			type->kind = VALUE_INTEGER;
			break;
		case FLOAT4OID:
		case FLOAT8OID:
			type->kind = VALUE_FLOAT;
			break;
		case NUMERICOID:
			type->kind = VALUE_NUMERIC;
			break;
		default:
			type->kind = VALUE_OTHER;
			break;
	}

	entry = lookup_type_cache(type->base, TYPECACHE_LT_OPR);
	if (!OidIsValid(entry->lt_opr))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("type %s has no order", format_type_be(declared)),
				 errhint("Cast the values to a type that can be sorted.")));
	type->order.ssup_cxt = memory;
	type->order.ssup_collation = collation;
	PrepareSortSupportFromOrderingOp(entry->lt_opr, &type->order);
}

ValueType *
value_type_of_call(FunctionCallInfo fcinfo, Oid declared, Oid collation)
{
	FmgrInfo   *flinfo = fcinfo->flinfo;
	ValueType  *type = (ValueType *) flinfo->fn_extra;

	if (type == NULL || type->type != declared || type->collation != collation)
	{
		/* states of earlier calls may point to the old one, so it is not overwritten */
		type = MemoryContextAlloc(flinfo->fn_mcxt, sizeof(ValueType));
		value_type_init(type, declared, collation, flinfo->fn_mcxt);
		flinfo->fn_extra = type;
	}
	return type;
}

void
value_refuse_nan(const ValueType *type, Datum value)
{
	bool		nan = false;

	if (type->base == FLOAT8OID)
		nan = isnan(DatumGetFloat8(value));
	else if (type->base == FLOAT4OID)
		nan = isnan(DatumGetFloat4(value));
	else if (type->base == NUMERICOID)
		nan = numeric_is_nan(DatumGetNumeric(value));
	if (nan)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot rank NaN"),
				 errdetail("The values of type %s contain NaN, which is neither high nor low.",
						   format_type_be(type->type)),
				 errhint("Leave such rows out, or turn NaN into NULL with nullif(value, 'NaN').")));
}

int
value_compare(const ValueType *type, Datum left, Datum right)
{
	return ApplySortComparator(left, false, right, false, unconstify(SortSupportData *, &type->order));
}

/* Equal values that differ in their bytes still get a fixed order. */
static int
compare_datums(Datum left, Datum right, const ValueType *type)
{
	int			order = value_compare(type, left, right);
	const char *left_bytes;
	const char *right_bytes;
	Size		left_size;
	Size		right_size;

	if (order != 0)
		return order;
	if (type->by_value)
		return left < right ? -1 : left > right;
	if (type->length == -1)
	{
		left_bytes = VARDATA_ANY(DatumGetPointer(left));
		left_size = VARSIZE_ANY_EXHDR(DatumGetPointer(left));
		right_bytes = VARDATA_ANY(DatumGetPointer(right));
		right_size = VARSIZE_ANY_EXHDR(DatumGetPointer(right));
		if (left_size != right_size)
			return left_size < right_size ? -1 : 1;
	}
	else
	{
		left_bytes = DatumGetPointer(left);
		right_bytes = DatumGetPointer(right);
		left_size = datumGetSize(left, false, type->length);
	}
	return memcmp(left_bytes, right_bytes, left_size);
}

int64
value_to_key(const ValueType *type, Datum value)
{
	union
	{
		float8		f;
		int64		i;
	}			bits;

	switch (type->base)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
		case DATEOID:
			return DatumGetInt32(value);
		case FLOAT4OID:
			bits.f = DatumGetFloat4(value);
			break;
		case FLOAT8OID:
			bits.f = DatumGetFloat8(value);
			break;
		default:
			return DatumGetInt64(value);
	}

	if (bits.f == 0)
		return 0;				/* both zeros are equal */

	/* IEEE bits sort as integers once the negative half is mirrored */
	return bits.i < 0 ? bits.i ^ PG_INT64_MAX : bits.i;
}

Datum
value_from_key(const ValueType *type, int64 key, int scale)
{
	union
	{
		float8		f;
		int64		i;
	}			bits;

	bits.i = key < 0 ? key ^ PG_INT64_MAX : key;
	switch (type->base)
	{
		case INT2OID:
			return Int16GetDatum((int16) key);
		case INT4OID:
		case DATEOID:
			return Int32GetDatum((int32) key);
		case FLOAT4OID:
			return Float4GetDatum((float4) bits.f);
		case FLOAT8OID:
			return Float8GetDatum(bits.f);
		case NUMERICOID:
			return NumericGetDatum(exact_to_numeric(key, scale));
		default:
			return Int64GetDatum(key);
	}
}

/*
 * Sets
 */

void
value_set_init(ValueSet *set, const ValueType *type, MemoryContext memory)
{
	memset(set, 0, sizeof(*set));
	set->type = type;
	set->memory = memory;
	set->keyed = type->kind != VALUE_OTHER;
}

/* Make room for more elements; keys and datums are of one size. */
static void
reserve(ValueSet *set, int64 more)
{
	int64		capacity = set->capacity;
	Size		size;

	StaticAssertStmt(sizeof(Datum) == sizeof(int64), "keys and datums share one array");

	if (set->n + more <= capacity)
		return;
	capacity = Max(Max(capacity * 2, INITIAL_CAPACITY), set->n + more);
	size = (Size) capacity * sizeof(int64);
	if (set->at.keys == NULL)
		set->at.keys = MemoryContextAllocHuge(set->memory, size);
	else
		set->at.keys = repalloc_huge(set->at.keys, size);
	set->capacity = capacity;
}

/* A copy of the value, without TOAST, in the set's memory. */
static Datum
keep_datum(const ValueSet *set, Datum value)
{
	const ValueType *type = set->type;
	MemoryContext old;
	Datum		copy;

	if (type->by_value)
		return value;
	old = MemoryContextSwitchTo(set->memory);
	if (type->length == -1)
		copy = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	else
		copy = datumCopy(value, false, type->length);
	MemoryContextSwitchTo(old);
	return copy;
}

/* Turn mantissas into numerics, in place. */
static void
leave_keys(ValueSet *set)
{
	MemoryContext old = MemoryContextSwitchTo(set->memory);

	for (int64 i = 0; i < set->n; i++)
		set->at.datums[i] = value_from_key(set->type, set->at.keys[i], set->scale);
	set->keyed = false;
	MemoryContextSwitchTo(old);
}

/* Bring all mantissas to a finer scale; false, and nothing changed, when one would not fit. */
static bool
refine_scale(ValueSet *set, int scale)
{
	int			up = scale - set->scale;
	int64		ignored;

	for (int64 i = 0; i < set->n; i++)
		if (!exact_rescale(set->at.keys[i], up, &ignored))
			return false;
	for (int64 i = 0; i < set->n; i++)
		(void) exact_rescale(set->at.keys[i], up, &set->at.keys[i]);
	set->scale = scale;
	return true;
}

/* Of a numeric that is not NaN; 0 when it is infinite. */
static int
display_scale(Datum value)
{
	if (numeric_is_inf(DatumGetNumeric(value)))
		return 0;
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, value));
}

void
value_set_add(ValueSet *set, Datum value)
{
	const ValueType *type = set->type;

	reserve(set, 1);
	if (type->kind == VALUE_NUMERIC && set->keyed)
	{
		struct varlena *packed = PG_DETOAST_DATUM_PACKED(value);
		int64		mantissa;
		int			scale;

		if (exact_from_packed(packed, &mantissa, &scale) &&
			(scale >= set->scale || exact_rescale(mantissa, set->scale - scale, &mantissa)) &&
			(scale <= set->scale || refine_scale(set, scale)))
		{
			set->at.keys[set->n++] = mantissa;
			return;
		}
		leave_keys(set);
	}

	value_refuse_nan(type, value);
	if (type->kind == VALUE_NUMERIC)
		set->scale = Max(set->scale, display_scale(value));
	if (set->keyed)
		set->at.keys[set->n++] = value_to_key(type, value);
	else
		set->at.datums[set->n++] = keep_datum(set, value);
}

void
value_set_merge(ValueSet *into, const ValueSet *from)
{
	if (from->n == 0)
		return;
	if (into->keyed && from->keyed && into->type->kind != VALUE_NUMERIC)
	{
		reserve(into, from->n);
		memcpy(into->at.keys + into->n, from->at.keys, from->n * sizeof(int64));
		into->n += from->n;
		return;
	}
	for (int64 i = 0; i < from->n; i++)
	{
		Datum		value = value_set_get(from, i);

		value_set_add(into, value);
		if (from->type->kind == VALUE_NUMERIC)
			pfree(DatumGetPointer(value));
	}
}

void
value_set_copy(ValueSet *copy, const ValueSet *set)
{
	*copy = *set;
	copy->at.keys = NULL;
	copy->n = copy->capacity = 0;
	reserve(copy, set->n);
	if (set->n > 0)
		memcpy(copy->at.keys, set->at.keys, set->n * sizeof(int64));
	copy->n = set->n;
}

void
value_set_sort(ValueSet *set)
{
	if (set->keyed)
		sort_keys(set->at.keys, set->n);
	else
		sort_datums(set->at.datums, set->n, set->type);
}

Datum
value_set_get(const ValueSet *set, int64 i)
{
	if (set->keyed)
		return value_from_key(set->type, set->at.keys[i], set->scale);
	if (set->type->kind == VALUE_NUMERIC)
		return DirectFunctionCall2(numeric_round, set->at.datums[i], Int32GetDatum(set->scale));
	return set->at.datums[i];
}

int
value_set_compare(const ValueSet *left, int64 i, const ValueSet *right, int64 j)
{
	if (left->keyed)
	{
		int64		a = left->at.keys[i];
		int64		b = right->at.keys[j];

		return a < b ? -1 : a > b;
	}
	return value_compare(left->type, left->at.datums[i], right->at.datums[j]);
}

/*
 * Between the processes of one parallel query. The bytes never leave the server, so they are trusted.
 */

typedef struct SerializedHead
{
	Oid			type;
	Oid			collation;
	int32		tag;
	int32		scale;
	bool		keyed;
	int64		n;
} SerializedHead;

bytea *
value_set_serialize(const ValueSet *set, int32 tag)
{
	StringInfoData out;
	SerializedHead head;
	bytea	   *bytes;

	memset(&head, 0, sizeof(head));
	head.type = set->type->type;
	head.collation = set->type->collation;
	head.tag = tag;
	head.scale = set->scale;
	head.keyed = set->keyed;
	head.n = set->n;

	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendBinaryStringInfo(&out, (char *) &head, sizeof(head));
	for (int64 i = 0; i < set->n; i++)
	{
		Datum		value = set->at.datums[i];

		if (set->keyed || set->type->by_value)
			appendBinaryStringInfo(&out, (char *) &value, sizeof(value));
		else
			appendBinaryStringInfo(&out, DatumGetPointer(value), datumGetSize(value, false, set->type->length));
	}
	bytes = (bytea *) out.data;
	SET_VARSIZE(bytes, out.len);
	return bytes;
}

int32
value_set_deserialize(ValueSet *set, bytea *bytes, FunctionCallInfo fcinfo)
{
	const char *at = VARDATA_ANY(bytes);
	SerializedHead head;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	value_set_init(set, value_type_of_call(fcinfo, head.type, head.collation), CurrentMemoryContext);
	set->keyed = head.keyed;
	set->scale = head.scale;
	reserve(set, head.n);
	for (int64 i = 0; i < head.n; i++)
	{
		if (head.keyed || set->type->by_value)
		{
			memcpy(&set->at.datums[i], at, sizeof(Datum));
			at += sizeof(Datum);
		}
		else
		{
			Size		size = set->type->length;
			int32		header;
			char	   *body;

			/* kept values have plain four-byte headers */
			if (set->type->length == -1)
			{
				memcpy(&header, at, sizeof(header));
				size = VARSIZE(&header);
			}
			body = palloc(size);
			memcpy(body, at, size);
			at += size;
			set->at.datums[i] = PointerGetDatum(body);
		}
	}
	set->n = head.n;
	return head.tag;
}
