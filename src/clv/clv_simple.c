/*
 * clv_simple.c: customer lifetime value in closed form, from a margin, a retention rate and a discount rate.
 *
 * A customer who stays with probability r from period to period and brings margin m in each is worth, discounted at d,
 *
 *     sum over t = 1 .. n of m (r / (1 + d))^t  =  m r / (1 + d - r) * (1 - (r / (1 + d))^n)
 *
 * and m r / (1 + d - r) for ever (Gupta and Lehmann). The first margin counted is that of the next period. Where r is
 * near 1 + d both factors of the finite sum lose all digits if computed as written; with log1p and expm1 neither does.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_clv_simple);
PG_FUNCTION_INFO_V1(custprio_clv_simple_periods);

static void
refuse_argument(const char *name, double value, const char *rule)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s out of range", name),
			 errdetail("Got %s.", float8out_internal(value)),
			 errhint("%s", rule)));
}

static void
check_rates(double margin, double retention, double discount)
{
	if (!isfinite(margin))
		refuse_argument("margin", margin, "Give a finite margin per period.");
	if (!(retention >= 0 && retention <= 1))
		refuse_argument("retention", retention, "Give the share of customers kept per period, from 0 to 1.");
	if (!isfinite(discount) || discount <= -1)
		refuse_argument("discount", discount, "Give a finite rate per period above -1, for example 0.1.");
}

static double
checked_result(double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value out of range: overflow"),
				 errdetail("The lifetime value is too large for type double precision.")));
	return value;
}

Datum
custprio_clv_simple(PG_FUNCTION_ARGS)
{
	double		margin = PG_GETARG_FLOAT8(0);
	double		retention = PG_GETARG_FLOAT8(1);
	double		discount = PG_GETARG_FLOAT8(2);
	double		gap;

	check_rates(margin, retention, discount);

	/* 1 + d - r, in the order that keeps the digits of a small difference */
	gap = (1 - retention) + discount;
	if (gap <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lifetime value does not converge"),
				 errdetail("Retention %s is not below 1 + discount %s.",
						   float8out_internal(retention), float8out_internal(discount)),
				 errhint("Give a number of periods, a lower retention or a higher discount.")));
	PG_RETURN_FLOAT8(checked_result(margin * (retention / gap)));
}

Datum
custprio_clv_simple_periods(PG_FUNCTION_ARGS)
{
	double		margin = PG_GETARG_FLOAT8(0);
	double		retention = PG_GETARG_FLOAT8(1);
	double		discount = PG_GETARG_FLOAT8(2);
	int32		periods = PG_GETARG_INT32(3);
	double		gap;
	double		years;

	check_rates(margin, retention, discount);
	if (periods < 0)
		refuse_argument("number of periods", periods, "Give 0 or more periods.");
	if (periods == 0 || retention == 0 || margin == 0)
		PG_RETURN_FLOAT8(0);

	/* years: the sum for a margin of 1 */
	gap = (1 - retention) + discount;
	if (gap == 0)
		years = periods;
	else
		years = retention / gap * -expm1(periods * log1p(-gap / (1 + discount)));
	PG_RETURN_FLOAT8(checked_result(margin * years));
}
