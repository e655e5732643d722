/*
 * sbg_functions.c: the shifted-beta-geometric model's functions in SQL.
 */
#include "custprio.h"

#include "clv/model.h"

#include <math.h>

#include "clv/params.h"
#include "clv/sbg.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_sbg_log_likelihood);
PG_FUNCTION_INFO_V1(custprio_sbg_survival);
PG_FUNCTION_INFO_V1(custprio_sbg_retention_rate);
PG_FUNCTION_INFO_V1(custprio_sbg_derl);
PG_FUNCTION_INFO_V1(custprio_sbg_clv);

/* A whole number of renewals, or periods. */
static double
count_argument(FunctionCallInfo fcinfo, int i, const char *name, double least)
{
	sbg_check_count(PG_GETARG_FLOAT8(i), name, least);
	return PG_GETARG_FLOAT8(i);
}

static const double *
params_argument(FunctionCallInfo fcinfo)
{
	return clv_params_argument(PG_GETARG_DATUM(0), (ClvParams **) &fcinfo->flinfo->fn_extra,
							   fcinfo->flinfo->fn_mcxt)->value;
}

/* log_likelihood(sbg, renewals, lost) */
Datum
custprio_sbg_log_likelihood(PG_FUNCTION_ARGS)
{
	ClvHistory	h = {.x = count_argument(fcinfo, 1, "renewals", 0),.t_x = PG_GETARG_BOOL(2) ? 1 : 0,.weight = 1};
	ClvData		data = {.row = &h,.n = 1};

	PG_RETURN_FLOAT8(clv_sbg.log_likelihood(params_argument(fcinfo), &data, NULL));
}

/* survival(sbg, periods, renewals DEFAULT 0) */
Datum
custprio_sbg_survival(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sbg_survival(params_argument(fcinfo), count_argument(fcinfo, 1, "periods", 0),
								  count_argument(fcinfo, 2, "renewals", 0)));
}

/* retention_rate(sbg, period) */
Datum
custprio_sbg_retention_rate(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(sbg_survival(params_argument(fcinfo), 1, count_argument(fcinfo, 1, "period", 1) - 1));
}

static double
derl_argument(FunctionCallInfo fcinfo, int discount_at)
{
	const double *params = params_argument(fcinfo);
	double		renewals = count_argument(fcinfo, 1, "renewals", 0);
	double		discount = PG_GETARG_FLOAT8(discount_at);
	double		periods = PG_GETARG_FLOAT8(discount_at + 1);
	double		derl;

	if (!isfinite(discount) || discount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount must be zero or more and finite"),
				 errdetail("It is %s.", float8out_internal(discount)),
				 errhint("It is a rate per period of the contract: 0.1 for 10 percent.")));
	if (!isinf(periods) || periods < 0)
		count_argument(fcinfo, discount_at + 1, "periods", 0);
	derl = sbg_derl(params, renewals, discount, periods);
	if (isinf(derl))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("expected residual lifetime is infinite"),
				 errdetail("Parameter alpha is %s; without a discount it must be above 1.",
						   float8out_internal(params[SBG_ALPHA])),
				 errhint("Give a discount, or a number of periods.")));
	return derl;
}

/* derl(sbg, renewals, discount, periods DEFAULT infinity) */
Datum
custprio_sbg_derl(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(derl_argument(fcinfo, 2));
}

/* clv(sbg, renewals, margin, discount, periods DEFAULT infinity) */
Datum
custprio_sbg_clv(PG_FUNCTION_ARGS)
{
	double		derl = derl_argument(fcinfo, 3);
	double		margin = PG_GETARG_FLOAT8(2);

	if (!isfinite(margin) || !isfinite(margin * derl))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("margin must be finite, and within what double precision can hold"),
				 errdetail("It is %s.", float8out_internal(margin))));
	PG_RETURN_FLOAT8(margin * derl);
}
