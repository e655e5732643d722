/*
 * lift.c: how much more often one thing is bought by those who buy another, or by one customer, than by everybody.
 *
 *     lift = P(B | A) / P(B),  P(B) = consequent / total,  P(B | A) = (joint + prior P(B)) / (antecedent + prior)
 *
 * the measure of association rules (Brin, Motwani, Ullman and Tsur 1997, as "interest"). Few observations make great
 * lifts by chance; prior counts as that many observations at the population's rate and draws them towards 1.
 */
#include "compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/float.h"

PG_FUNCTION_INFO_V1(custprio_lift);

static void
check_count(const char *name, int64 count, const char *most_name, int64 most)
{
	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name), errdetail("Got " INT64_FORMAT ".", count)));
	if (count > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not exceed %s", name, most_name),
				 errdetail("Got " INT64_FORMAT " of " INT64_FORMAT ".", count, most),
				 errhint("Count all four over the same baskets or purchases.")));
}

/* lift(joint, antecedent, consequent, total, prior); NULL where nothing was observed to compare */
Datum
custprio_lift(PG_FUNCTION_ARGS)
{
	int64		joint = PG_GETARG_INT64(0);
	int64		antecedent = PG_GETARG_INT64(1);
	int64		consequent = PG_GETARG_INT64(2);
	int64		total = PG_GETARG_INT64(3);
	double		prior = PG_GETARG_FLOAT8(4);
	double		rate;

	check_count("total", total, "total", total);
	check_count("antecedent", antecedent, "total", total);
	check_count("consequent", consequent, "total", total);
	check_count("joint", joint, "antecedent", antecedent);
	check_count("joint", joint, "consequent", consequent);
	if (!isfinite(prior) || prior < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prior out of range"), errdetail("Got %s.", float8out_internal(prior)),
				 errhint("Give a finite number of observations, 0 for none.")));
	if (consequent == 0 || (antecedent == 0 && prior == 0))
		PG_RETURN_NULL();
	rate = (double) consequent / (double) total;
	/* written so that a prior of any size neither overflows nor loses the counts */
	PG_RETURN_FLOAT8(((double) joint / rate + prior) / ((double) antecedent + prior));
}
