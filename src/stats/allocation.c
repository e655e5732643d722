/*
 * allocation.c: whole units of a resource (visits, coupons, seats) shared out so that they add up exactly.
 *
 * largest_remainder() gives in proportion to shares, within a least and a most for each: first the real numbers
 * clamp(factor * share, floor, cap) that add up to the total, then whole ones by the method of Hamilton (largest
 * remainders). The factor is found as flexible boxes are laid out on a web page: share out among those that are free,
 * and where that breaks bounds, settle all floors if they weigh more than the caps, else all caps; what one side
 * settles stays right for the final factor, so it ends after at most n rounds. All arithmetic is exact numeric; the
 * order of the rows only decides between equal remainders of equal shares.
 *
 * greedy_allocation() gives each unit to whom it brings most, which is optimal for returns that diminish (O. Gross,
 * "A class of discrete-type minimization problems", RAND RM-1644, 1956).
 */
#include "custprio.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "exact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "stats/arguments.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(custprio_largest_remainder);
PG_FUNCTION_INFO_V1(custprio_greedy_allocation);

typedef struct Recipient
{
	Numeric		share;
	int64		floor;
	int64		cap;			/* PG_INT64_MAX: none */
	int64		units;			/* once settled */
	bool		settled;
	int			broken;			/* 1: its floor, -1: its cap, by the factor tried last */
	Numeric		remainder;		/* while units are rounded down */
} Recipient;

static char *
total_text(int128 total)
{
	return exact_text(exact128_to_numeric(total, 0));
}

static void
check_total(int64 total)
{
	if (total < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"total\" must not be negative"),
				 errdetail("It is " INT64_FORMAT ".", total)));
}

/* Elements of a list that must have n of them, or any number if n < 0. */
static int
take_list(ArrayType *array, const char *argument, int n, Oid type, Datum **elements, bool **nulls)
{
	int			found;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must be a one-dimensional array", argument),
				 errdetail("It has %d dimensions.", ARR_NDIM(array))));
	if (type == NUMERICOID)
		deconstruct_array(array, type, -1, false, TYPALIGN_INT, elements, nulls, &found);
	else
		deconstruct_array(array, type, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, elements, nulls, &found);
	if (n >= 0 && found != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("argument \"%s\" must have as many elements as \"shares\"", argument),
				 errdetail("It has %d, and \"shares\" has %d.", found, n)));
	return found;
}

static Recipient *
take_shares(ArrayType *array, int *n)
{
	Numeric		zero = int64_to_numeric(0);
	Recipient  *recipient;
	Datum	   *elements;
	bool	   *nulls;

	*n = take_list(array, "shares", -1, NUMERICOID, &elements, &nulls);
	recipient = palloc0(Max(*n, 1) * sizeof(Recipient));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"shares\" must not contain NULL"),
					 errdetail("Element %d is NULL.", i + 1),
					 errhint("Use 0 for whoever is to have nothing above the floor.")));
		recipient[i].share = DatumGetNumeric(elements[i]);
		if (numeric_is_nan(recipient[i].share) || numeric_is_inf(recipient[i].share) ||
			exact_compare(recipient[i].share, zero) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"shares\" must contain finite numbers of zero or more"),
					 errdetail("Element %d is %s.", i + 1, exact_text(recipient[i].share))));
		recipient[i].cap = PG_INT64_MAX;
	}
	return recipient;
}

/* Floors (argument 2) and caps (argument 3); a NULL among them is no bound. */
static void
take_bounds(FunctionCallInfo fcinfo, Recipient *recipient, int n)
{
	for (int argument = 2; argument <= 3; argument++)
	{
		const char *name = argument == 2 ? "floors" : "caps";
		Datum	   *elements;
		bool	   *nulls;

		if (PG_ARGISNULL(argument))
			continue;
		take_list(PG_GETARG_ARRAYTYPE_P(argument), name, n, INT8OID, &elements, &nulls);
		for (int i = 0; i < n; i++)
		{
			int64		bound = nulls[i] ? 0 : DatumGetInt64(elements[i]);

			if (bound < 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("argument \"%s\" must not contain negative numbers", name),
						 errdetail("Element %d is " INT64_FORMAT ".", i + 1, bound)));
			if (argument == 2)
				recipient[i].floor = bound;
			else if (!nulls[i])
				recipient[i].cap = bound;
		}
	}
	for (int i = 0; i < n; i++)
		if (recipient[i].floor > recipient[i].cap)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a floor must not be above its cap"),
					 errdetail("Element %d has floor " INT64_FORMAT " and cap " INT64_FORMAT ".",
							   i + 1, recipient[i].floor, recipient[i].cap)));
}

static int
by_remainder(const void *left, const void *right)
{
	const Recipient *a = *(Recipient *const *) left;
	const Recipient *b = *(Recipient *const *) right;
	int			order = exact_compare(b->remainder, a->remainder);

	if (order == 0)
		order = exact_compare(b->share, a->share);
	/* they point into one array: earlier ones first */
	return order ? order : (a < b ? -1 : a > b);
}

/* Whole units for those not settled, who share left; none of them reaches its bounds. */
static void
round_shares(Recipient *recipient, int n, Numeric left, Numeric shares)
{
	Recipient **order = palloc(n * sizeof(Recipient *));
	Numeric		units = left;
	int			free = 0;
	int64		missing;

	for (int i = 0; i < n; i++)
	{
		Datum		product;
		Numeric		whole;

		if (recipient[i].settled)
			continue;
		product = NumericGetDatum(exact_op(numeric_mul, recipient[i].share, left));
		whole = DatumGetNumeric(DirectFunctionCall2(numeric_div_trunc, product, NumericGetDatum(shares)));
		recipient[i].remainder = DatumGetNumeric(DirectFunctionCall2(numeric_mod, product, NumericGetDatum(shares)));
		recipient[i].units = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(whole)));
		units = exact_op(numeric_sub, units, whole);
		order[free++] = &recipient[i];
	}
	qsort(order, free, sizeof(Recipient *), by_remainder);
	/* fewer than there are remainders above 0, as those add up to it */
	missing = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(units)));
	for (int64 i = 0; i < missing; i++)
		order[i]->units++;
}

/* Units for everybody, where bounds allow just the total. */
static void
share_out(Recipient *recipient, int n, int64 total)
{
	Numeric		zero = int64_to_numeric(0);
	Numeric		left = int64_to_numeric(total);

	for (int i = 0; i < n; i++)
		if (exact_compare(recipient[i].share, zero) == 0)
		{
			recipient[i].settled = true;
			recipient[i].units = recipient[i].floor;
			left = exact_op(numeric_sub, left, int64_to_numeric(recipient[i].units));
		}
	for (;;)
	{
		Numeric		shares = zero;
		Numeric		violation = zero;	/* of floors less that of caps, in units of 1 / shares */
		Numeric		now_left = left;
		bool		any = false;
		int			side;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			if (!recipient[i].settled)
				shares = exact_op(numeric_add, shares, recipient[i].share);
		if (exact_compare(shares, zero) == 0)
			return;
		for (int i = 0; i < n; i++)
		{
			Numeric		wish;
			Numeric		floor;
			Numeric		cap;

			if (recipient[i].settled)
				continue;
			wish = exact_op(numeric_mul, recipient[i].share, left);
			floor = exact_op(numeric_mul, int64_to_numeric(recipient[i].floor), shares);
			cap = exact_op(numeric_mul, int64_to_numeric(recipient[i].cap), shares);
			recipient[i].broken = exact_compare(wish, floor) < 0 ? 1 : exact_compare(wish, cap) > 0 ? -1 : 0;
			if (recipient[i].broken != 0)
			{
				violation = exact_op(numeric_add, violation, exact_op(numeric_sub, recipient[i].broken > 0 ? floor : cap, wish));
				any = true;
			}
		}
		if (!any)
		{
			round_shares(recipient, n, left, shares);
			return;
		}
		side = exact_compare(violation, zero);
		for (int i = 0; i < n; i++)
		{
			if (recipient[i].settled || recipient[i].broken == 0 || recipient[i].broken * side < 0)
				continue;
			recipient[i].units = recipient[i].broken > 0 ? recipient[i].floor : recipient[i].cap;
			recipient[i].settled = true;
			now_left = exact_op(numeric_sub, now_left, int64_to_numeric(recipient[i].units));
		}
		left = now_left;
	}
}

/* (allocated bigint[] or NULL, unallocated bigint, reason) */
static Datum
allocation_result(FunctionCallInfo fcinfo, const int64 *units, int n, int64 unallocated, const char *reason)
{
	TupleDesc	desc;
	Datum	   *elements = palloc(Max(n, 1) * sizeof(Datum));
	Datum		values[3];
	bool		nulls[3] = {units == NULL, false, reason == NULL};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (units != NULL)
	{
		for (int i = 0; i < n; i++)
			elements[i] = Int64GetDatum(units[i]);
		values[0] = PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
													TYPALIGN_DOUBLE));
	}
	values[1] = Int64GetDatum(unallocated);
	if (reason != NULL)
		values[2] = CStringGetTextDatum(reason);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* largest_remainder(shares, total, floors, caps): allocated, unallocated, reason */
Datum
custprio_largest_remainder(PG_FUNCTION_ARGS)
{
	Numeric		zero = int64_to_numeric(0);
	int128		least = 0;
	int128		most = 0;		/* that can be given; unbounded: above any total */
	int64		total;
	int64	   *units;
	Recipient  *recipient;
	int			n;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	total = PG_GETARG_INT64(1);
	check_total(total);
	recipient = take_shares(PG_GETARG_ARRAYTYPE_P(0), &n);
	take_bounds(fcinfo, recipient, n);
	units = palloc(Max(n, 1) * sizeof(int64));

	for (int i = 0; i < n; i++)
	{
		units[i] = exact_compare(recipient[i].share, zero) > 0 ? recipient[i].cap : recipient[i].floor;
		least += recipient[i].floor;
		most += units[i];
	}
	if (least > total)
		return allocation_result(fcinfo, NULL, 0, total,
								 psprintf("floors add up to %s, more than the total of " INT64_FORMAT,
										  total_text(least), total));
	if (most < total)
		return allocation_result(fcinfo, units, n, total - (int64) most,
								 psprintf("caps, and floors where the share is zero, add up to %s, less than the total of " INT64_FORMAT,
										  total_text(most), total));
	share_out(recipient, n, total);
	for (int i = 0; i < n; i++)
		units[i] = recipient[i].units;
	return allocation_result(fcinfo, units, n, 0, NULL);
}

typedef struct Unit
{
	double		value;
	int			position;		/* in the matrix: by recipient, then by how many before */
} Unit;

static int
by_value(const void *left, const void *right)
{
	const Unit *a = left;
	const Unit *b = right;

	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->position < b->position ? -1 : a->position > b->position;
}

/* greedy_allocation(marginal_returns, total): allocated, unallocated, reason */
Datum
custprio_greedy_allocation(PG_FUNCTION_ARGS)
{
	int			rows,
				columns,
				wanted = 0;
	double	   *value = float8_matrix(PG_GETARG_ARRAYTYPE_P(0), "marginal_returns", &rows, &columns);
	int64		total = PG_GETARG_INT64(1);
	int64	   *units = palloc0(rows * sizeof(int64));
	Unit	   *unit = palloc(rows * columns * sizeof(Unit));

	check_total(total);
	for (int i = 0; i < rows * columns; i++)
	{
		if (i % columns > 0 && value[i] > value[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument \"marginal_returns\" must not increase within a row"),
					 errdetail("Row %d has %g in column %d, after %g.", i / columns + 1, value[i], i % columns + 1,
							   value[i - 1]),
					 errhint("Giving unit by unit is best only where every further unit brings less.")));
		if (value[i] > 0)
			unit[wanted++] = (Unit) {value[i], i};
	}
	qsort(unit, wanted, sizeof(Unit), by_value);
	for (int i = 0; i < Min(wanted, total); i++)
		units[unit[i].position / columns]++;
	return allocation_result(fcinfo, units, rows, Max(total - wanted, 0),
							 total <= wanted ? NULL :
							 psprintf("only %d units bring a return above zero, less than the total of " INT64_FORMAT,
									  wanted, total));
}
