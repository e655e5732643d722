/* tier_policy.h: how tiers are cut, and what holds a customer in a tier. */
#ifndef CUSTPRIO_TIER_POLICY_H
#define CUSTPRIO_TIER_POLICY_H

#include "customer_tier.h"
#include "keymap.h"
#include "scorecard.h"

#include "utils/date.h"

#define TIER_POLICY_DAYS_MAX	36500	/* of a stay, a grace and so on */
#define NO_DAY					DATEVAL_NOEND

/* What tiers are cut by, as custprio.tier_policy spells it. */
typedef enum TierMethod
{
	TIERS_BY_SHARE,
	TIERS_BY_PRIORITY,
	TIERS_BY_CUMULATIVE,
	TIERS_BY_CAPACITY,
	TIERS_BY_RULES
} TierMethod;

/* What keeps a tier from being the scored one, in the order in which one of several is named. */
typedef enum TierHold
{
	HOLD_NONE,
	HOLD_HYSTERESIS,
	HOLD_MINIMUM_STAY,
	HOLD_PROTECTION,
	HOLD_GRACE,
	HOLD_STEP,
	HOLD_CALENDAR,
	HOLD_OVERRIDE,
	TIER_HOLDS
} TierHold;

/* Days on which downgrades take effect. */
typedef struct TierCalendar
{
	bool		mondays;
	int			n;				/* 0 and not mondays: every day */
	uint8	   *month;
	uint8	   *day;
} TierCalendar;

typedef struct TierPolicy
{
	TierMethod	method;
	char	   *metric;			/* cumulated, when by that */
	Numeric		enter_margin;	/* NULL: none */
	Numeric		leave_margin;
	bool		margin_in_shares;	/* else in points of priority */
	int			minimum_stay;	/* days between two changes; 0, here and below: none */
	int			protection;		/* days without downgrade after an upgrade */
	int			grace;			/* days that a downgrade waits */
	int			max_steps_down; /* tiers that one downgrade may cross */
	int			step_days;		/* days from one downgrade to the next */
	TierCalendar calendar;
	bool		holds;			/* any of these may keep a customer from the scored tier */
	int8		position[TIER_Z + 1];	/* of a letter in the ladder, from 0; -1 when it is not there */
} TierPolicy;

typedef enum OverrideKind
{
	OVERRIDE_SET,
	OVERRIDE_FLOOR,
	OVERRIDE_CEILING,
	OVERRIDE_FREEZE
} OverrideKind;

typedef struct TierOverride
{
	Datum		key;
	OverrideKind kind;
	CustomerTier tier;			/* 0 for OVERRIDE_FREEZE */
	DateADT		expires;		/* last day that it holds for; NO_DAY: none */
} TierOverride;

/* What a published row says of a customer's tier. */
typedef struct TierState
{
	CustomerTier tier;			/* 0: none */
	CustomerTier previous;		/* 0: none */
	DateADT		since;
	DateADT		below_since;	/* first day, in a row, of a downgrade that did not come yet; NO_DAY: none */
	TierHold	hold;
	DateADT		until;			/* first day on which the hold ends; NO_DAY: not known */
} TierState;

/* Where the scores put a customer: the tier, the best one that can be entered, and the one down to which it would fall. */
typedef struct TierScore
{
	CustomerTier scored;
	CustomerTier enter;			/* same as scored, or worse */
	CustomerTier leave;			/* same as scored, or better */
} TierScore;

extern const char *tier_method_name(TierMethod method);
extern const char *tier_hold_name(TierHold hold);
extern const char *override_kind_name(OverrideKind kind);

/* Read the ladder and the policy of a card into it. */
extern void tier_policy_load(Scorecard *card);

/* The calendar that downgrade_on stands for; false if an element is none of its words and no day of a year. */
extern bool tier_calendar_parse(char **text, int n, TierCalendar *calendar);

/* The overrides in force on a day, by customer, or NULL when there is none. Entries are TierOverrides. */
extern KeyMap *tier_overrides_load(const Scorecard *card, DateADT as_of);

/*
 * The tier to publish as of a day, from the scores, the row published before and the override in force (NULL: none).
 * Deciding again from what was decided, on the same day, gives the same.
 */
extern TierState tier_decide(const TierPolicy *policy, TierScore score, const TierState *before,
							 const TierOverride *override, DateADT as_of);

#endif
