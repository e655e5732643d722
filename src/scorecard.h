/* scorecard.h: a scorecard's declaration, read from the catalogs and resolved to relations. */
#ifndef CUSTPRIO_SCORECARD_H
#define CUSTPRIO_SCORECARD_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "pgtime.h"
#include "utils/numeric.h"

#define SCORECARD_NAME_MAX	40	/* bytes; leaves room for the longest suffix */
#define SEGMENT_MINIMUM		100	/* buyers of a segment, from which on it has thresholds of its own, unless others are asked for */
#define RFM_METRICS			3	/* those that have a digit of the RFM score, the first ones of Metric */
#define SCORECARD_METRICS	4

typedef enum Metric
{
	METRIC_RECENCY,
	METRIC_FREQUENCY,
	METRIC_MONETARY,
	METRIC_CLV
} Metric;

typedef struct Scorecard
{
	int64		id;
	char	   *name;
	Oid			owner;			/* owner of the priority table */
	char	   *schema;			/* where everything is published */
	Oid			priority_relid; /* <name>_priority */
	Oid			purchases_relid;	/* <name>_purchases, the state */
	Oid			history_relid;	/* <name>_tier_history */

	Oid			source_relid;
	char	   *source;			/* quoted and schema-qualified */
	char	   *customer;		/* canonical, qualified expressions */
	char	   *purchased_at;
	char	   *amount;
	char	   *filter;			/* NULL: every row */
	Oid			customers_relid;	/* InvalidOid: no relation of customers */
	char	   *customers;
	char	   *customers_key;

	Oid			key_type;		/* of priority.customer_id */
	Oid			key_collation;

	Interval   *every;			/* NULL: manual */
	Interval   *history;		/* NULL: all */
	int			n_regimes;		/* days on which purchases began to count anew */
	struct Regime *regime;
	Interval   *max_runtime;	/* NULL: custprio.max_runtime */
	char	   *time_zone;
	pg_tz	   *zone;

	bool		frequency_by_day;
	int			bins;
	char	   *segment_map;	/* NULL: no segments */
	int			amount_scale;	/* decimals of monetary as published */
	int			n_abc_cuts;
	Numeric    *abc_cuts;
	Numeric		weight[SCORECARD_METRICS];
	int			n_added;		/* metrics beside those four, in the order in which they are computed */
	struct AddedMetric *added;

	const struct ClvModel *clv_model;	/* of purchases; NULL: no predictions */
	bool		clv_auto;		/* it is what validated best, or the default before the first choice */
	bool		clv_is_chosen;
	int32		clv_chosen_on;	/* DateADT, if it is chosen */
	char	   *clv_choice;		/* why, or NULL */
	char	   *clv_time_unit;
	Interval   *clv_horizon;
	double		clv_discount;	/* per year */
	double		clv_margin;		/* share of a purchase's value that counts */
	double		clv_growth;		/* of the market, per year */
	char	   *partition_by;	/* over the relation of customers, gives segments with fits of their own; NULL: none */
	bool		thresholds_by_segment;	/* and with thresholds of their own, ... */
	int			segment_minimum;	/* ... if they have so many buyers */
	bool		segments_captured;	/* changes of partition_by are, if those of the source are */
	char	   *allow_protected;	/* why it may read protected attributes; NULL: it may not */

	int			n_tiers;		/* tiers are numbered 1 = A upwards */
	uint8	   *tier;			/* the letters, as ranks, best first */
	Numeric    *tier_cut;		/* how far down each tier reaches, as tier_policy->method has it; NULL for the last */
	char	  **tier_condition; /* when cut by rules, as they are stored; NULL for the last */
	struct TierPolicy *tier_policy; /* tier_policy.h */
	struct Lifecycle *lifecycle;	/* lifecycle.h; NULL: buyers have no stage */

	bool		capture;		/* triggers note changes of the source */
	List	   *captured;		/* of what relations, see captured.h */
	bool		refresh_on_commit;	/* in the transactions that make them */
	Interval   *rebuild_every;	/* NULL: only when needed */
	char	   *changed_since;	/* of a row, canonical; NULL: not known */
	Interval   *tier_history_age;	/* how long rows of the tier history stay; NULL: for ever */
	int64		tier_history_rows;	/* how many stay; 0: all */
	Interval   *rebase_every;	/* whole days or months: how long an epoch lasts */
	bool		paused;
	int			version;
	bool		moved;			/* stored names, hints or owner differ from what was found: scorecard_heal */

	/* from custprio.epoch; has_epoch false when no run has published yet */
	bool		has_epoch;
	int32		as_of;			/* DateADT of the published rows */
	bool		day_chosen;		/* as_of was asked for by name; the next refresh goes back to today */
	int			epoch_version;
	int64		epoch_run;		/* run that stored the current thresholds */
	bool		has_state;
	int32		state_as_of;
	int			state_version;
	TimestampTz rebuilt_at;		/* when the state was last made from the whole source; 0: not known */
	TimestampTz changed_mark;	/* changes before this time are in the state; 0: not known */
	char	   *source_relations;	/* the source and its partitions at that time */

	struct Aliases *aliases;	/* keys that stand for the same customer, once aliases_read() has been called; NULL: none */
} Scorecard;

/* catalog.c */

/* Called for each row as the caller of catalog_select and in its memory context; the row itself lives until the end. */
typedef void (*CatalogRow) (HeapTuple row, TupleDesc desc, void *arg);

extern Oid	custprio_extension_owner(void);

/* Both run one fixed statement as the extension's owner under a pinned search_path and return the number of rows. */
extern int	catalog_execute(const char *sql, int nargs, Oid *argtypes, Datum *values, const char *nulls);
extern int	catalog_select(const char *sql, int nargs, Oid *argtypes, Datum *values, const char *nulls,
						   CatalogRow row, void *arg);

/* "system identifier/database OID": what the OIDs stored in the catalogs are true for. */
extern char *custprio_database_identity(void);

/*
 * Work as a role inside a security-restricted operation under pinned settings (search_path, TimeZone, DateStyle and
 * the rest of what text forms depend on), then come back. An error ends the scope by itself. zone NULL: leave TimeZone.
 */
typedef struct OwnerScope
{
	Oid			userid;
	int			sec_context;
	int			nest_level;
} OwnerScope;

extern void owner_scope_enter(OwnerScope *scope, Oid owner, const char *zone);
extern void owner_scope_leave(OwnerScope *scope);

/* scorecard_load.c */

/* Both raise when the scorecard or a relation it needs is missing. Memory: the caller's current context. */
extern int64 scorecard_id_by_name(const char *name);
extern Scorecard *scorecard_load(int64 id);

/*
 * The same with gaps. LOAD_TO_ALTER accepts a missing source, relation of customers or time zone (InvalidOid, NULL) and
 * a priority table that changed hands in a restore. LOAD_TO_DROP accepts any loss: without a priority table of its own
 * the card belongs to the recorded role, InvalidOid if that is not known for sure.
 */
typedef enum LoadMode
{
	LOAD_TO_REFRESH,
	LOAD_TO_ALTER,
	LOAD_TO_DROP
} LoadMode;

extern Scorecard *scorecard_load_for(int64 id, LoadMode mode);
extern void scorecard_check_owner(Scorecard *card);

/* The option clv_model as it was declared. */
extern const char *scorecard_clv_model_name(const Scorecard *card);

/* Write back the names, hints and owner that were found, if they moved. Once per refresh, under the scorecard's lock. */
extern void scorecard_heal(Scorecard *card);

#endif
