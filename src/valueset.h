/* valueset.h: the values of one group, of any sortable type, kept as integers where that is exact. */
#ifndef CUSTPRIO_VALUESET_H
#define CUSTPRIO_VALUESET_H

#include "compat.h"

#include "fmgr.h"
#include "utils/sortsupport.h"

typedef enum ValueKind
{
	VALUE_INTEGER,				/* integers, money, dates and times: int64 as they are */
	VALUE_FLOAT,				/* float8 and float4: bits turned so that they sort as int64 */
	VALUE_NUMERIC,				/* mantissas on one scale; any that does not fit turns the set into datums */
	VALUE_OTHER					/* datums and the type's own btree order */
} ValueKind;

typedef struct ValueType
{
	Oid			type;			/* as declared, perhaps a domain */
	Oid			base;
	Oid			collation;
	int16		length;
	bool		by_value;
	char		align;
	ValueKind	kind;
	SortSupportData order;		/* the type's default btree order */
} ValueType;

typedef struct ValueSet
{
	const ValueType *type;
	MemoryContext memory;
	bool		keyed;			/* keys rather than datums */
	int			scale;			/* of VALUE_NUMERIC: the finest so far, and that of all keys */
	int64		n;
	int64		capacity;
	union
	{
		int64	   *keys;
		Datum	   *datums;
	}			at;
} ValueSet;

/* Look the type up; everything it points to lives in memory. Raises 42883 for a type without a btree order. */
extern void value_type_init(ValueType *type, Oid declared, Oid collation, MemoryContext memory);

/* The type of a function's argument, cached in fn_extra. */
extern ValueType *value_type_of_call(FunctionCallInfo fcinfo, Oid declared, Oid collation);

/* Raise 22023 when the value is NaN. */
extern void value_refuse_nan(const ValueType *type, Datum value);

/* -1, 0, 1 or any such sign */
extern int	value_compare(const ValueType *type, Datum left, Datum right);

/* The int64 that sorts as the value does, for VALUE_INTEGER and VALUE_FLOAT; and back. */
extern int64 value_to_key(const ValueType *type, Datum value);
extern Datum value_from_key(const ValueType *type, int64 key, int scale);

extern void value_set_init(ValueSet *set, const ValueType *type, MemoryContext memory);
extern void value_set_add(ValueSet *set, Datum value);	/* copies; refuses NaN */
extern void value_set_merge(ValueSet *into, const ValueSet *from);
extern void value_set_copy(ValueSet *copy, const ValueSet *set);	/* shares the datums' bodies */
extern void value_set_sort(ValueSet *set);

/* Element i; a numeric with the set's scale. */
extern Datum value_set_get(const ValueSet *set, int64 i);

/* Compare element i of one with element j of the other; both must have the same form (a copy does). */
extern int	value_set_compare(const ValueSet *left, int64 i, const ValueSet *right, int64 j);

extern bytea *value_set_serialize(const ValueSet *set, int32 tag);
extern int32 value_set_deserialize(ValueSet *set, bytea *bytes, FunctionCallInfo fcinfo);

#endif
