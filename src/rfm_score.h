/* rfm_score.h: the type rfm_score as C callers see it. */
#ifndef CUSTPRIO_RFM_SCORE_H
#define CUSTPRIO_RFM_SCORE_H

#include "compat.h"
#include "fmgr.h"

/* recency * 100 + frequency * 10 + monetary, each digit 1 to 9 */
typedef int16 RfmScore;

#define RFM_MIN_DIGIT 1
#define RFM_MAX_DIGIT 9
#define RFM_LIMIT 1000			/* above every score: the size of a table indexed by score */

#define DatumGetRfmScore(d) ((RfmScore) DatumGetInt16(d))
#define RfmScoreGetDatum(s) Int16GetDatum(s)
#define PG_GETARG_RFM_SCORE(n) DatumGetRfmScore(PG_GETARG_DATUM(n))
#define PG_RETURN_RFM_SCORE(s) return RfmScoreGetDatum(s)

static inline RfmScore
rfm_pack(int recency, int frequency, int monetary)
{
	return (RfmScore) (recency * 100 + frequency * 10 + monetary);
}

static inline int
rfm_recency(RfmScore score)
{
	return score / 100;
}

static inline int
rfm_frequency(RfmScore score)
{
	return score / 10 % 10;
}

static inline int
rfm_monetary(RfmScore score)
{
	return score % 10;
}

/* Whether a number has three digits, each from 1 to max_digit. */
static inline bool
rfm_is_within(int value, int max_digit)
{
	if (value < 111 || value > 999)
		return false;
	return rfm_recency((RfmScore) value) <= max_digit &&
		rfm_frequency((RfmScore) value) >= RFM_MIN_DIGIT && rfm_frequency((RfmScore) value) <= max_digit &&
		rfm_monetary((RfmScore) value) >= RFM_MIN_DIGIT && rfm_monetary((RfmScore) value) <= max_digit;
}

static inline bool
rfm_is_valid(int value)
{
	return rfm_is_within(value, RFM_MAX_DIGIT);
}

#endif
