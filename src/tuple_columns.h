/* tuple_columns.h: a few columns of heap tuples, without taking the others apart. */
#ifndef CUSTPRIO_TUPLE_COLUMNS_H
#define CUSTPRIO_TUPLE_COLUMNS_H

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "access/tupmacs.h"

#define TUPLE_COLUMNS 3

typedef struct TupleColumns
{
	TupleDesc	desc;
	AttrNumber	column[TUPLE_COLUMNS];
	AttrNumber	last;			/* the greatest of them */
	int			offset[TUPLE_COLUMNS];	/* in a tuple without NULLs up to there; of a varlena, before its alignment */
} TupleColumns;

/* False when the columns have no fixed place, because one of variable length comes before. */
static inline bool
tuple_columns_locate(TupleColumns *columns, TupleDesc desc, const AttrNumber *wanted)
{
	int			offset = 0;

	columns->desc = desc;
	columns->last = 0;
	for (int i = 0; i < TUPLE_COLUMNS; i++)
	{
		columns->column[i] = wanted[i];
		columns->last = Max(columns->last, wanted[i]);
	}
	for (AttrNumber attnum = 1; attnum <= columns->last; attnum++)
	{
		Form_pg_attribute attr = TupleDescAttr(desc, attnum - 1);

		if (attr->attlen > 0)
			offset = att_align_nominal(offset, attr->attalign);
		else if (attnum < columns->last)
			return false;
		for (int i = 0; i < TUPLE_COLUMNS; i++)
			if (wanted[i] == attnum)
				columns->offset[i] = offset;
		offset += attr->attlen;
	}
	return true;
}

/* Whether all columns up to the last one are there and not NULL, so that they lie at their offsets. */
static inline bool
tuple_columns_in_place(const TupleColumns *columns, HeapTupleHeader header)
{
	if (HeapTupleHeaderGetNatts(header) < columns->last)
		return false;			/* added to the table after the row */
	if (!(header->t_infomask & HEAP_HASNULL))
		return true;
	for (int i = 0; i < columns->last; i++)
		if (att_isnull(i, header->t_bits))
			return false;
	return true;
}

/* The columns of a tuple; those by reference point into it. */
static inline void
tuple_columns_get(const TupleColumns *columns, HeapTuple tuple, Datum *values, bool *nulls)
{
	HeapTupleHeader header = tuple->t_data;
	char	   *data = (char *) header + header->t_hoff;

	if (unlikely(!tuple_columns_in_place(columns, header)))
	{
		for (int i = 0; i < TUPLE_COLUMNS; i++)
			values[i] = heap_getattr(tuple, columns->column[i], columns->desc, &nulls[i]);
		return;
	}
	for (int i = 0; i < TUPLE_COLUMNS; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(columns->desc, columns->column[i] - 1);
		char	   *at = data + columns->offset[i];

		if (attr->attlen < 0)
			at = data + att_align_pointer(columns->offset[i], attr->attalign, attr->attlen, at);
		values[i] = fetchatt(attr, at);
		nulls[i] = false;
	}
}

#endif
