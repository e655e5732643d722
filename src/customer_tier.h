/* customer_tier.h: the type customer_tier as C callers see it. */
#ifndef CUSTPRIO_CUSTOMER_TIER_H
#define CUSTPRIO_CUSTOMER_TIER_H

#include "compat.h"
#include "fmgr.h"

/* The rank: 1 is A, the best. */
typedef uint8 CustomerTier;

#define TIER_A 1
#define TIER_Z 26

#define DatumGetCustomerTier(d) ((CustomerTier) DatumGetUInt8(d))
#define CustomerTierGetDatum(t) UInt8GetDatum(t)
#define PG_GETARG_CUSTOMER_TIER(n) DatumGetCustomerTier(PG_GETARG_DATUM(n))
#define PG_RETURN_CUSTOMER_TIER(t) return CustomerTierGetDatum(t)

static inline bool
tier_is_valid(int rank)
{
	return rank >= TIER_A && rank <= TIER_Z;
}

static inline char
tier_letter(CustomerTier tier)
{
	return (char) ('A' + tier - TIER_A);
}

/* The tier of a letter A to Z, or 0 for any other character. */
static inline CustomerTier
tier_from_letter(unsigned char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (CustomerTier) (letter - 'A' + TIER_A) : 0;
}

#endif
