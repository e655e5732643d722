/* exact.h: numeric values as scaled integers wherever that is exact. */
#ifndef CUSTPRIO_EXACT_H
#define CUSTPRIO_EXACT_H

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define EXACT_MAX_SCALE 18		/* 10^18 is the largest power of ten in an int64 */

extern const int64 exact_pow10[EXACT_MAX_SCALE + 1];

/*
 * Decode a numeric into mantissa * 10^-scale, scale being its display scale. False (nothing set) when it is NaN or
 * infinite, has a scale over EXACT_MAX_SCALE, or does not fit 64 bits.
 */
extern bool exact_from_numeric(Numeric num, int64 *mantissa, int *scale);

/*
 * The same for a numeric as it stands in a tuple, with a one-byte varlena header and unaligned if need be; nothing is
 * copied. Also false for a toasted or compressed one, which the caller may detoast and try again.
 */
extern bool exact_from_packed(const struct varlena *packed, int64 *mantissa, int *scale);

/* mantissa * 10^-scale as a numeric of that display scale. */
extern Numeric exact_to_numeric(int64 mantissa, int scale);

/* The same for a 128-bit sum. */
extern Numeric exact128_to_numeric(int128 mantissa, int scale);

/* mantissa * 10^up into *result; false on overflow. */
extern bool exact_rescale(int64 mantissa, int up, int64 *result);

/* The decimals of type numeric(p,s), not below 0; -1 of a numeric without them. */
extern int	exact_typmod_scale(int32 typmod);

/* What numeric_add and its like give of two numerics. */
static inline Numeric
exact_op(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)));
}

/* -1, 0 or 1 as a is below, equal to or above b; NaN is above all. */
static inline int
exact_compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* Any numeric as text, in all its digits. */
extern char *exact_text(Numeric num);

#endif
