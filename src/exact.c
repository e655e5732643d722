/*
 * exact.c: numeric values as scaled integers wherever that is exact.
 *
 * Sums, sorts and comparisons of amounts are several times faster on 64-bit integers than on numeric. A numeric whose
 * display scale is s is mantissa * 10^-s with an integer mantissa, so nothing is lost as long as the mantissa fits.
 *
 * PostgreSQL keeps its numeric format private to numeric.c, but the format is fixed by every database on disk and by
 * pg_upgrade: a header of one or two 16-bit words (sign, display scale, weight), then base-10000 digits, most
 * significant first, digit i being worth digit * 10000^(weight - i). Leading and trailing zero digits are left out.
 */
#include "compat.h"

#include "exact.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/builtins.h"

#define DIGIT_DECIMALS		4	/* decimal digits per stored digit */
#define DIGIT_BASE			10000

#define HEAD_KIND_MASK		0xC000
#define HEAD_NEGATIVE		0x4000	/* long header: the kind is the sign */
#define HEAD_SHORT			0x8000
#define HEAD_SPECIAL		0xC000	/* NaN and the infinities */
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE_MASK	0x1F80
#define SHORT_SCALE_SHIFT	7
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT_MASK	0x003F
#define LONG_SCALE_MASK		0x3FFF

const int64 exact_pow10[EXACT_MAX_SCALE + 1] = {
	INT64CONST(1),
	INT64CONST(10),
	INT64CONST(100),
	INT64CONST(1000),
	INT64CONST(10000),
	INT64CONST(100000),
	INT64CONST(1000000),
	INT64CONST(10000000),
	INT64CONST(100000000),
	INT64CONST(1000000000),
	INT64CONST(10000000000),
	INT64CONST(100000000000),
	INT64CONST(1000000000000),
	INT64CONST(10000000000000),
	INT64CONST(100000000000000),
	INT64CONST(1000000000000000),
	INT64CONST(10000000000000000),
	INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000)
};

/* A short varlena header leaves the words that follow unaligned. */
static inline uint16
read_word(const char *at)
{
	uint16		word;

	memcpy(&word, at, sizeof(word));
	return word;
}

bool
exact_from_packed(const struct varlena *packed, int64 *mantissa, int *scale)
{
	const char *at;
	Size		size;
	uint16		head;
	bool		negative;
	int			dscale;
	int			weight;
	int			ndigits;
	int			exponent;
	uint64		sum = 0;

	if (VARATT_IS_EXTERNAL(packed) || VARATT_IS_COMPRESSED(packed))
		return false;
	at = VARDATA_ANY(packed);
	size = VARSIZE_ANY_EXHDR(packed);
	if (size < sizeof(uint16))
		return false;

	head = read_word(at);
	at += sizeof(uint16);
	size -= sizeof(uint16);
	if ((head & HEAD_KIND_MASK) == HEAD_SPECIAL)
		return false;
	if ((head & HEAD_KIND_MASK) == HEAD_SHORT)
	{
		negative = (head & SHORT_NEGATIVE) != 0;
		dscale = (head & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
		weight = head & SHORT_WEIGHT_MASK;
		if (head & SHORT_WEIGHT_SIGN)
			weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		if (size < sizeof(uint16))
			return false;
		negative = (head & HEAD_KIND_MASK) == HEAD_NEGATIVE;
		dscale = head & LONG_SCALE_MASK;
		weight = (int16) read_word(at);
		at += sizeof(uint16);
		size -= sizeof(uint16);
	}
	if (dscale > EXACT_MAX_SCALE)
		return false;

	ndigits = size / sizeof(uint16);
	while (ndigits > 0 && read_word(at + (ndigits - 1) * sizeof(uint16)) == 0)
		ndigits--;

	/* the last digit is worth digit * 10^exponent units of the mantissa */
	exponent = (weight - ndigits + 1) * DIGIT_DECIMALS + dscale;
	for (int i = 0; i < ndigits; i++)
	{
		uint64		digit = read_word(at + i * sizeof(uint16));
		uint64		base = DIGIT_BASE;

		if (i == ndigits - 1 && exponent < 0)
		{
			/* it reaches beyond the display scale: fine as long as only zeros do */
			uint64		cut;

			if (exponent <= -DIGIT_DECIMALS)
				return false;
			cut = exact_pow10[-exponent];
			if (digit % cut != 0)
				return false;
			digit /= cut;
			base /= cut;
		}
		if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	if (sum != 0 && exponent > 0 &&
		(exponent > EXACT_MAX_SCALE ||
		 __builtin_mul_overflow(sum, (uint64) exact_pow10[exponent], &sum)))
		return false;
	if (sum > (uint64) PG_INT64_MAX + (negative ? 1 : 0))
		return false;

	/* negated as unsigned, so that the smallest integer comes out right */
	*mantissa = (int64) (negative ? 0 - sum : sum);
	*scale = dscale;
	return true;
}

bool
exact_from_numeric(Numeric num, int64 *mantissa, int *scale)
{
	return exact_from_packed((const struct varlena *) num, mantissa, scale);
}

Numeric
exact_to_numeric(int64 mantissa, int scale)
{
	return int64_div_fast_to_numeric(mantissa, scale);
}

Numeric
exact128_to_numeric(int128 mantissa, int scale)
{
	const int64 unit = exact_pow10[EXACT_MAX_SCALE];
	Datum		unit_num;
	Datum		sum;

	if (mantissa >= PG_INT64_MIN && mantissa <= PG_INT64_MAX)
		return exact_to_numeric((int64) mantissa, scale);

	/* digits of base 10^18, all of the mantissa's sign: (high * unit + middle) * unit + low */
	unit_num = NumericGetDatum(int64_to_numeric(unit));
	sum = NumericGetDatum(int64_to_numeric((int64) (mantissa / unit / unit)));
	sum = DirectFunctionCall2(numeric_mul, sum, unit_num);
	sum = DirectFunctionCall2(numeric_add, sum, NumericGetDatum(int64_to_numeric((int64) (mantissa / unit % unit))));
	sum = DirectFunctionCall2(numeric_mul, sum, unit_num);
	sum = DirectFunctionCall2(numeric_add, sum, NumericGetDatum(int64_to_numeric((int64) (mantissa % unit))));

	/* a product has the display scales of its factors added up */
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, sum, NumericGetDatum(exact_to_numeric(1, scale))));
}

bool
exact_rescale(int64 mantissa, int up, int64 *result)
{
	if (up > EXACT_MAX_SCALE)
	{
		*result = 0;
		return mantissa == 0;
	}
	return !pg_mul_s64_overflow(mantissa, exact_pow10[up], result);
}

char *
exact_text(Numeric num)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(num)));
}

int
exact_typmod_scale(int32 typmod)
{
	int			scale;

	if (typmod < (int32) VARHDRSZ)
		return -1;
	/* the low 11 bits, which may stand for a negative number: as numeric_typmod_scale() in numeric.c */
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return Max(scale, 0);
}
