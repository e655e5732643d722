/*
 * purchase_summary.h: a customer's purchases condensed into one mergeable value.
 *
 * Layout, all in one varlena: header, zone name (padded to 4 bytes), wide block (only when an exact sum does not fit
 * 64 bits), sorted distinct purchase days, slack. Slack exists only inside aggregates and tables in memory; a value
 * that leaves them is compact, and then equal contents have equal bytes.
 */
#ifndef CUSTPRIO_PURCHASE_SUMMARY_H
#define CUSTPRIO_PURCHASE_SUMMARY_H

#include "zone_days.h"

#include "utils/date.h"
#include "utils/numeric.h"

#define SUMMARY_FORMAT 1
#define SUMMARY_MAX_SCALE 1000	/* decimals of an amount; more is refused */

typedef struct PurchaseSummary
{
	int32		vl_len_;
	uint8		format;
	uint8		zone_len;
	uint16		scale;			/* most decimals of any amount; scale of the three sums */
	int32		n_days;
	int32		wide_len;		/* bytes of the wide block; 0: sums are the integers below */
	int64		purchases;		/* rows with amount >= 0 */
	int64		returns;		/* rows with amount < 0 */
	TimestampTz first;			/* instants of the first and last purchase; 0 without one */
	TimestampTz last;
	int64		gross;			/* sum of the purchases, times 10^scale */
	int64		returned;		/* sum of the returns, made positive */
	int64		first_gross;	/* the part of gross that falls on the first day */
	char		data[FLEXIBLE_ARRAY_MEMBER];
} PurchaseSummary;

#define SUMMARY_HEADER offsetof(PurchaseSummary, data)
#define SUMMARY_ZONE_SPACE(s) INTALIGN((s)->zone_len)
#define SUMMARY_DAYS(s) ((DateADT *) ((s)->data + SUMMARY_ZONE_SPACE(s) + (s)->wide_len))
#define SUMMARY_FIXED_SIZE(s) (SUMMARY_HEADER + SUMMARY_ZONE_SPACE(s) + (s)->wide_len)
#define SUMMARY_SIZE(s) (SUMMARY_FIXED_SIZE(s) + (s)->n_days * sizeof(DateADT))
#define SUMMARY_CAPACITY(s) ((int32) ((VARSIZE(s) - SUMMARY_FIXED_SIZE(s)) / sizeof(DateADT)))

#define DatumGetPurchaseSummaryP(d) ((PurchaseSummary *) PG_DETOAST_DATUM(d))
#define PG_GETARG_PURCHASE_SUMMARY_P(n) DatumGetPurchaseSummaryP(PG_GETARG_DATUM(n))

/* An amount, as a scaled integer where that is exact, as a numeric otherwise. */
typedef struct PurchaseAmount
{
	bool		exact;
	int			scale;
	int64		mantissa;		/* when exact */
	Numeric		num;			/* when not */
} PurchaseAmount;

/* The three sums as numerics of the summary's scale. */
typedef struct SummarySums
{
	Numeric		gross;
	Numeric		returned;
	Numeric		first_gross;
} SummarySums;

/* Finite amounts only; raises for more decimals than SUMMARY_MAX_SCALE. */
extern void purchase_amount_set(PurchaseAmount *amount, Numeric num);

extern PurchaseSummary *summary_create(const char *zone, int capacity);

/*
 * Both change their first argument in place while there is room, and otherwise return a larger copy in the current
 * memory context; the caller frees the old one.
 */
extern PurchaseSummary *summary_add(PurchaseSummary *s, DateADT day, TimestampTz at, const PurchaseAmount *amount);
extern PurchaseSummary *summary_merge(PurchaseSummary *into, const PurchaseSummary *other);

/* A copy without slack, in canonical form. */
extern PurchaseSummary *summary_compact(const PurchaseSummary *s);

extern void summary_sums(const PurchaseSummary *s, SummarySums *sums);

/* Net revenue: as an integer of the summary's scale, or false when that does not fit. */
extern bool summary_revenue_exact(const PurchaseSummary *s, int64 *mantissa);
extern Numeric summary_revenue(const PurchaseSummary *s);

/* Gross total of the purchase days after the first, to double precision; infinity beyond it. */
extern double summary_repeat_total(const PurchaseSummary *s);

/* Build a canonical summary from sums given as numerics; used by the input functions. */
extern PurchaseSummary *summary_build(const PurchaseSummary *header, const char *zone, const SummarySums *sums,
									  const DateADT *days);

#endif
