/* published_row.h: what a row of the priority table should be, and how it compares with the one that is there. */
#ifndef CUSTPRIO_PUBLISHED_ROW_H
#define CUSTPRIO_PUBLISHED_ROW_H

#include "lifecycle.h"
#include "score.h"
#include "table_writer.h"
#include "tier_policy.h"
#include "tier_rules.h"

#include "executor/tuptable.h"

/* Columns of the priority table that we write. */
enum
{
	COL_CUSTOMER_ID,
	COL_TIER,
	COL_PRIORITY,
	COL_RFM,
	COL_SEGMENT,
	COL_ABC,
	COL_FREQUENCY,
	COL_MONETARY,
	COL_AVERAGE_ORDER_VALUE,
	COL_FIRST_PURCHASE,
	COL_LAST_PURCHASE,
	COL_P_ALIVE,
	COL_EXPECTED_PURCHASES,
	COL_CLV,
	COL_STAGE,
	COL_RELATIONSHIP,
	COL_SCORED_TIER,
	COL_HELD_BY,
	COL_HELD_UNTIL,
	COL_BELOW_SINCE,
	COL_TIER_SINCE,
	COL_PREVIOUS_TIER,
	N_COLUMNS,
	/* after them one for each added metric */
	COLUMNS_MAX = N_COLUMNS + METRICS_MAX
};

/* Columns of the history. */
enum
{
	HIST_CUSTOMER_ID,
	HIST_CHANGED_ON,
	HIST_CHANGED_AT,
	HIST_RUN_ID,
	HIST_PREVIOUS_TIER,
	HIST_TIER,
	HIST_REASON,
	N_HISTORY_COLUMNS
};

extern const char *const priority_columns[N_COLUMNS];

typedef struct Publisher
{
	const Scorecard *card;
	CustomerSet *set;
	Scores	   *scores;
	RefreshRun *run;

	TableWriter *priority;
	TableWriter *history;
	int			n_columns;
	AttrNumber	column[COLUMNS_MAX];
	AttrNumber	history_column[N_HISTORY_COLUMNS];
	Datum	   *values;			/* a row of the priority table to write, columns of others NULL */
	bool	   *nulls;
	Datum	   *history_values;
	bool	   *history_nulls;
	Datum	   *segment_text;	/* by RFM score */
	Datum		stage_text[LIFE_STAGES];
	Datum		relationship_text[RELATIONSHIPS];
	int32		usual_gap;		/* of all buyers, for the lifecycle */
	Datum		hold_text[TIER_HOLDS];
	TierRules  *rules;			/* NULL: tiers are cut by values */
	KeyMap	   *overrides;		/* in force on the as-of day; NULL: none */
	bool		same_day;		/* the published rows are of this as-of day */
	bool		same_version;	/* and of this declaration */
	TimestampTz changed_at;		/* as the history has it */
	MemoryContext row_context;
} Publisher;

/* Our columns of one row. */
typedef struct PublishedRow
{
	Datum		value[COLUMNS_MAX];
	bool		null[COLUMNS_MAX];
} PublishedRow;

extern void publisher_open(Publisher *p);
extern void publisher_close(Publisher *p);

/* A customer whom nothing was published of. */
extern const TierState no_tier_state;

/* Whether what is computed of a column follows from the customer alone, and not from the row before. */
static inline bool
is_computed(int column)
{
	return column < COL_TIER_SINCE || column >= N_COLUMNS;
}

/* All columns of a customer but those that publisher_place() decides, which depend on the row before. */
extern void publisher_row(const Publisher *p, const Customer *customer, PublishedRow *row);

/* The same, with the scored tier, which rules may give only here. */
extern void publisher_scored_row(Publisher *p, Customer *customer, PublishedRow *row);

/* The tier of a customer after the one before (no_tier_state: none), under policy and override; and into a row. */
extern TierState publisher_place(const Publisher *p, const Customer *customer, const TierState *before);
extern void row_put_state(const Publisher *p, PublishedRow *row, const TierState *state);

/* What a published row says of the tier. */
extern TierState row_state(const Publisher *p, TupleTableSlot *old);
extern CustomerTier row_tier(const Publisher *p, TupleTableSlot *old, int column);

extern bool row_column_equals(const Publisher *p, TupleTableSlot *old, int column, const PublishedRow *row);
extern bool publisher_overrides(const Publisher *p, Datum key);
extern const char *row_change_reason(const Publisher *p, TupleTableSlot *old, const PublishedRow *row,
									 const TierState *before, const TierState *state);

/* Look ahead of table_reader.h: have a row's customer fetched. */
extern void publisher_look_ahead(TupleTableSlot *slot, int stage, void *arg);

#endif
