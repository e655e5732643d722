/*
 * purchase_summary.c: what a purchase_summary holds and how purchases and summaries are added to it.
 *
 * Sums are exact. They are 64-bit integers scaled by the most decimals seen, and turn into numerics (the wide form)
 * once one does not fit. Gross and returned only ever grow, and so does the scale: whether the final sums fit does
 * not depend on the order of rows, so the same purchases always give the same bytes (summary_compact).
 */
#include "custprio.h"

#include "exact.h"
#include "purchase_summary.h"

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

static Numeric
numeric_at_scale(Numeric num, int scale)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(num), Int32GetDatum(scale)));
}

static Numeric
numeric_negate(Numeric num)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(num)));
}

static int
numeric_sign_of(Numeric num)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_int4,
											 DirectFunctionCall1(numeric_sign, NumericGetDatum(num))));
}

static int
numeric_scale_of(Numeric num)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(num)));
}

static void
check_scale(int scale)
{
	if (scale > SUMMARY_MAX_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("amount has too many decimals"),
				 errdetail("The amount has %d decimals; at most %d can be summarized.", scale, SUMMARY_MAX_SCALE),
				 errhint("Round the amount, for example with round(amount, 6).")));
}

void
purchase_amount_set(PurchaseAmount *amount, Numeric num)
{
	amount->num = num;
	amount->exact = exact_from_numeric(num, &amount->mantissa, &amount->scale);
	if (!amount->exact)
	{
		amount->scale = numeric_scale_of(num);
		check_scale(amount->scale);
	}
}

static Numeric
purchase_amount_numeric(const PurchaseAmount *amount)
{
	return amount->exact ? exact_to_numeric(amount->mantissa, amount->scale) : amount->num;
}

PurchaseSummary *
summary_create(const char *zone, int capacity)
{
	Size		zone_len = strlen(zone);
	Size		size = SUMMARY_HEADER + INTALIGN(zone_len) + capacity * sizeof(DateADT);
	PurchaseSummary *s = palloc(size);

	Assert(zone_len <= PG_UINT8_MAX);
	memset(s, 0, SUMMARY_HEADER + INTALIGN(zone_len));
	SET_VARSIZE(s, size);
	s->format = SUMMARY_FORMAT;
	s->zone_len = zone_len;
	memcpy(s->data, zone, zone_len);
	return s;
}

/* A copy with room for at least the given number of days. */
static PurchaseSummary *
summary_with_capacity(const PurchaseSummary *s, int64 capacity)
{
	Size		size = SUMMARY_FIXED_SIZE(s) + capacity * sizeof(DateADT);
	PurchaseSummary *copy;

	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("purchase summary is too large")));
	copy = palloc(size);
	memcpy(copy, s, SUMMARY_SIZE(s));
	SET_VARSIZE(copy, size);
	return copy;
}

/* Copy a numeric to 4-byte aligned space and return the space it takes. */
static Size
put_numeric(char *space, Numeric num)
{
	Size		size = VARSIZE(num);

	memset(space, 0, INTALIGN(size));
	memcpy(space, num, size);
	return INTALIGN(size);
}

void
summary_sums(const PurchaseSummary *s, SummarySums *sums)
{
	if (s->wide_len == 0)
	{
		sums->gross = exact_to_numeric(s->gross, s->scale);
		sums->returned = exact_to_numeric(s->returned, s->scale);
		sums->first_gross = exact_to_numeric(s->first_gross, s->scale);
	}
	else
	{
		char	   *at = unconstify(PurchaseSummary *, s)->data + SUMMARY_ZONE_SPACE(s);

		sums->gross = (Numeric) at;
		at += INTALIGN(VARSIZE(at));
		sums->returned = (Numeric) at;
		at += INTALIGN(VARSIZE(at));
		sums->first_gross = (Numeric) at;
	}
}

/* A copy with the given sums in its wide block. */
static PurchaseSummary *
summary_set_wide(const PurchaseSummary *s, const SummarySums *sums, int scale, int capacity)
{
	int32		wide_len = INTALIGN(VARSIZE(sums->gross)) + INTALIGN(VARSIZE(sums->returned)) +
		INTALIGN(VARSIZE(sums->first_gross));
	Size		zone_end = SUMMARY_HEADER + SUMMARY_ZONE_SPACE(s);
	Size		size = zone_end + wide_len + capacity * sizeof(DateADT);
	PurchaseSummary *copy = palloc(size);
	char	   *at;

	Assert(capacity >= s->n_days);
	memcpy(copy, s, zone_end);
	SET_VARSIZE(copy, size);
	copy->wide_len = wide_len;
	copy->scale = scale;
	copy->gross = copy->returned = copy->first_gross = 0;
	at = copy->data + SUMMARY_ZONE_SPACE(s);
	at += put_numeric(at, sums->gross);
	at += put_numeric(at, sums->returned);
	put_numeric(at, sums->first_gross);
	memcpy(SUMMARY_DAYS(copy), SUMMARY_DAYS(s), s->n_days * sizeof(DateADT));
	return copy;
}

/* Add amount to a sum of the given scale; false (sum untouched) when it does not fit. */
static inline bool
add_exact(int64 *sum, int sum_scale, int64 mantissa, int scale)
{
	int64		total;

	if (scale != sum_scale && !exact_rescale(mantissa, sum_scale - scale, &mantissa))
		return false;
	/* an overflowing addition stores what wraps around */
	if (pg_add_s64_overflow(*sum, mantissa, &total))
		return false;
	*sum = total;
	return true;
}

/* Raise the scale of all three sums; false (nothing changed) when one does not fit any more. */
static bool
rescale_sums(PurchaseSummary *s, int scale)
{
	int64		gross,
				returned,
				first_gross;
	int			up = scale - s->scale;

	if (scale > EXACT_MAX_SCALE ||
		!exact_rescale(s->gross, up, &gross) ||
		!exact_rescale(s->returned, up, &returned) ||
		!exact_rescale(s->first_gross, up, &first_gross))
		return false;
	s->gross = gross;
	s->returned = returned;
	s->first_gross = first_gross;
	s->scale = scale;
	return true;
}

/* How a purchase day compares with the first day known so far. */
typedef enum FirstDay
{
	FIRST_DAY_NEW,				/* earlier: the first day's gross starts afresh */
	FIRST_DAY_SAME,
	FIRST_DAY_OTHER
} FirstDay;

static inline FirstDay
first_day_of(const PurchaseSummary *s, DateADT day)
{
	if (s->n_days == 0 || day < SUMMARY_DAYS(s)[0])
		return FIRST_DAY_NEW;
	return day == SUMMARY_DAYS(s)[0] ? FIRST_DAY_SAME : FIRST_DAY_OTHER;
}

/* Add to the integer sums; false (sums untouched) when the wide form is needed. */
static inline bool
add_amount_exact(PurchaseSummary *s, FirstDay first, const PurchaseAmount *amount)
{
	int64		mantissa;

	if (s->wide_len != 0 || !amount->exact)
		return false;
	if (amount->scale > s->scale && !rescale_sums(s, amount->scale))
		return false;
	mantissa = amount->mantissa;
	if (amount->scale != s->scale && !exact_rescale(mantissa, s->scale - amount->scale, &mantissa))
		return false;

	if (mantissa < 0)
	{
		int64		sum;

		if (pg_sub_s64_overflow(s->returned, mantissa, &sum))
			return false;
		s->returned = sum;
		return true;
	}
	if (unlikely(!add_exact(&s->gross, 0, mantissa, 0)))
		return false;
	/* cannot overflow: it is a part of gross */
	if (first == FIRST_DAY_NEW)
		s->first_gross = mantissa;
	else if (first == FIRST_DAY_SAME)
		s->first_gross += mantissa;
	return true;
}

/* The same in the wide form; returns a new copy. */
static PurchaseSummary *
add_amount_wide(const PurchaseSummary *s, FirstDay first, const PurchaseAmount *amount)
{
	Numeric		num = purchase_amount_numeric(amount);
	SummarySums sums;

	summary_sums(s, &sums);
	if (numeric_sign_of(num) < 0)
		sums.returned = exact_op(numeric_add, sums.returned, numeric_negate(num));
	else
	{
		sums.gross = exact_op(numeric_add, sums.gross, num);
		if (first == FIRST_DAY_NEW)
			sums.first_gross = num;
		else if (first == FIRST_DAY_SAME)
			sums.first_gross = exact_op(numeric_add, sums.first_gross, num);
	}
	return summary_set_wide(s, &sums, Max(s->scale, amount->scale), SUMMARY_CAPACITY(s));
}

static inline bool
amount_is_return(const PurchaseAmount *amount)
{
	return amount->exact ? amount->mantissa < 0 : numeric_sign_of(amount->num) < 0;
}

/* Insert a day into the sorted distinct days. */
static PurchaseSummary *
add_day(PurchaseSummary *s, DateADT day)
{
	DateADT    *days = SUMMARY_DAYS(s);
	int			low = 0,
				high = s->n_days;

	/* rows mostly come in order of time */
	if (s->n_days > 0 && day >= days[s->n_days - 1])
	{
		if (day == days[s->n_days - 1])
			return s;
		low = s->n_days;
	}
	else
	{
		while (low < high)
		{
			int			middle = (low + high) / 2;

			if (days[middle] < day)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < s->n_days && days[low] == day)
			return s;
	}

	if (s->n_days >= SUMMARY_CAPACITY(s))
	{
		s = summary_with_capacity(s, Max(4, (int64) s->n_days * 2));
		days = SUMMARY_DAYS(s);
	}
	memmove(days + low + 1, days + low, (s->n_days - low) * sizeof(DateADT));
	days[low] = day;
	s->n_days++;
	return s;
}

PurchaseSummary *
summary_add(PurchaseSummary *s, DateADT day, TimestampTz at, const PurchaseAmount *amount)
{
	bool		is_return = amount_is_return(amount);
	FirstDay	first = is_return ? FIRST_DAY_OTHER : first_day_of(s, day);

	if (unlikely(!add_amount_exact(s, first, amount)))
		s = add_amount_wide(s, first, amount);

	if (is_return)
	{
		s->returns++;
		return s;
	}
	if (s->purchases == 0)
		s->first = s->last = at;
	else if (at < s->first)
		s->first = at;
	else if (at > s->last)
		s->last = at;
	s->purchases++;
	return add_day(s, day);
}

/* Merge the sums of other into s; first says whose first day the result has. */
static PurchaseSummary *
merge_sums(PurchaseSummary *s, const PurchaseSummary *other, FirstDay first)
{
	int			scale = Max(s->scale, other->scale);
	SummarySums sums,
				others;
	int64		gross,
				returned,
				first_gross;

	if (s->wide_len == 0 && other->wide_len == 0 && (s->scale == scale || rescale_sums(s, scale)))
	{
		gross = s->gross;
		returned = s->returned;
		first_gross = first == FIRST_DAY_NEW ? 0 : s->first_gross;
		if (add_exact(&gross, scale, other->gross, other->scale) &&
			add_exact(&returned, scale, other->returned, other->scale) &&
			(first == FIRST_DAY_OTHER || add_exact(&first_gross, scale, other->first_gross, other->scale)))
		{
			s->gross = gross;
			s->returned = returned;
			s->first_gross = first_gross;
			return s;
		}
	}

	summary_sums(s, &sums);
	summary_sums(other, &others);
	sums.gross = exact_op(numeric_add, sums.gross, others.gross);
	sums.returned = exact_op(numeric_add, sums.returned, others.returned);
	if (first == FIRST_DAY_NEW)
		sums.first_gross = others.first_gross;
	else if (first == FIRST_DAY_SAME)
		sums.first_gross = exact_op(numeric_add, sums.first_gross, others.first_gross);
	return summary_set_wide(s, &sums, scale, SUMMARY_CAPACITY(s));
}

/* Union of two sorted distinct lists of days, written from the back so that it works in place. */
static PurchaseSummary *
merge_days(PurchaseSummary *s, const PurchaseSummary *other)
{
	const DateADT *theirs = SUMMARY_DAYS(other);
	DateADT    *days = SUMMARY_DAYS(s);
	int			i = 0,
				j = 0,
				n = 0,
				to;

	while (i < s->n_days && j < other->n_days)
	{
		DateADT		a = days[i],
					b = theirs[j];

		i += (a <= b);
		j += (b <= a);
		n++;
	}
	n += (s->n_days - i) + (other->n_days - j);
	if (n == s->n_days)
		return s;
	if (n > SUMMARY_CAPACITY(s))
	{
		s = summary_with_capacity(s, n + n / 4);
		days = SUMMARY_DAYS(s);
	}

	i = s->n_days - 1;
	j = other->n_days - 1;
	for (to = n - 1; j >= 0; to--)
	{
		if (i >= 0 && days[i] >= theirs[j])
		{
			j -= (days[i] == theirs[j]);
			days[to] = days[i--];
		}
		else
			days[to] = theirs[j--];
	}
	s->n_days = n;
	return s;
}

PurchaseSummary *
summary_merge(PurchaseSummary *s, const PurchaseSummary *other)
{
	FirstDay	first = FIRST_DAY_OTHER;
	int64		purchases,
				returns;

	if (s->zone_len != other->zone_len || memcmp(s->data, other->data, s->zone_len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot merge purchase summaries of different time zones"),
				 errdetail("One counts days in \"%.*s\", the other in \"%.*s\".",
						   (int) s->zone_len, s->data, (int) other->zone_len, other->data),
				 errhint("Summarize the purchases again in one time zone.")));

	/* nobody buys so often, but a value may come from outside */
	if (pg_add_s64_overflow(s->purchases, other->purchases, &purchases) ||
		pg_add_s64_overflow(s->returns, other->returns, &returns))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of purchases out of range")));

	if (other->n_days > 0)
		first = first_day_of(s, SUMMARY_DAYS(other)[0]);
	s = merge_sums(s, other, first);

	if (other->purchases > 0)
	{
		if (s->purchases == 0 || other->first < s->first)
			s->first = other->first;
		if (s->purchases == 0 || other->last > s->last)
			s->last = other->last;
	}
	s->purchases = purchases;
	s->returns = returns;
	return merge_days(s, other);
}

PurchaseSummary *
summary_compact(const PurchaseSummary *s)
{
	SummarySums sums;

	if (s->wide_len == 0)
		return summary_with_capacity(s, s->n_days);

	summary_sums(s, &sums);
	sums.gross = numeric_at_scale(sums.gross, s->scale);
	sums.returned = numeric_at_scale(sums.returned, s->scale);
	sums.first_gross = numeric_at_scale(sums.first_gross, s->scale);
	return summary_set_wide(s, &sums, s->scale, s->n_days);
}

PurchaseSummary *
summary_build(const PurchaseSummary *header, const char *zone, const SummarySums *sums, const DateADT *days)
{
	PurchaseSummary *s = summary_create(zone, header->n_days);
	int			scales[3];

	s->scale = header->scale;
	s->purchases = header->purchases;
	s->returns = header->returns;
	s->first = header->first;
	s->last = header->last;
	s->n_days = header->n_days;
	memcpy(SUMMARY_DAYS(s), days, s->n_days * sizeof(DateADT));

	if (exact_from_numeric(numeric_at_scale(sums->gross, s->scale), &s->gross, &scales[0]) &&
		exact_from_numeric(numeric_at_scale(sums->returned, s->scale), &s->returned, &scales[1]) &&
		exact_from_numeric(numeric_at_scale(sums->first_gross, s->scale), &s->first_gross, &scales[2]))
		return s;
	return summary_compact(summary_set_wide(s, sums, header->scale, s->n_days));
}

bool
summary_revenue_exact(const PurchaseSummary *s, int64 *mantissa)
{
	return s->wide_len == 0 && !pg_sub_s64_overflow(s->gross, s->returned, mantissa);
}

double
summary_repeat_total(const PurchaseSummary *s)
{
	SummarySums sums;
	int64		repeated;

	if (s->wide_len == 0 && s->scale <= EXACT_MAX_SCALE && !pg_sub_s64_overflow(s->gross, s->first_gross, &repeated))
		return repeated / (double) exact_pow10[s->scale];
	summary_sums(s, &sums);
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(exact_op(numeric_add, sums.gross, numeric_negate(sums.first_gross)))));
}

Numeric
summary_revenue(const PurchaseSummary *s)
{
	SummarySums sums;
	int64		mantissa;

	if (summary_revenue_exact(s, &mantissa))
		return exact_to_numeric(mantissa, s->scale);
	summary_sums(s, &sums);
	return numeric_at_scale(exact_op(numeric_add, sums.gross, numeric_negate(sums.returned)), s->scale);
}
