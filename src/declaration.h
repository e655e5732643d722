/* declaration.h: what create_scorecard and alter_scorecard are told, checked and completed. */
#ifndef CUSTPRIO_DECLARATION_H
#define CUSTPRIO_DECLARATION_H

#include "datatype/timestamp.h"
#include "expression.h"
#include "scorecard.h"
#include "utils/array.h"

typedef struct Declaration
{
	/* set by the caller; NULL or invalid where an option was not given */
	char	   *name;
	Oid			owner;			/* whose rights the expressions run with */
	Oid			source_relid;
	Expression	customer;
	Expression	purchased_at;
	Expression	amount;
	Expression	filter;
	Oid			customers_relid;
	Expression	customers_key;
	Interval   *every;
	char	   *time_zone;
	Interval   *history;
	char	   *frequency_by;
	bool		has_bins;
	int			bins;
	char	   *segment_map;
	bool		keep_segments;	/* bins and segment_map are as stored, do not choose again */
	ArrayType  *abc_cuts;
	bool		has_amount_scale;
	int			amount_scale;
	Interval   *max_runtime;
	char	   *clv_model;
	char	   *clv_time_unit;
	Interval   *clv_horizon;
	bool		has_clv_discount;
	double		clv_discount;
	bool		has_clv_margin;
	double		clv_margin;
	bool		has_clv_growth;
	double		clv_growth;
	Expression	partition_by;
	char	   *thresholds_by;
	bool		has_segment_minimum;
	int			segment_minimum;
	char	   *allow_protected;	/* why partition_by may read protected attributes; NULL: it may not */
	char	   *capture;
	bool		refresh_on_commit;
	Interval   *rebuild_every;
	Interval   *rebase_every;
	Expression	changed_since;	/* text NULL: changes are not told by time */
	Interval   *tier_history_age;	/* NULL: kept for ever */
	int64		tier_history_rows;	/* 0: any number */

	/* set by declaration_check, beside what it completes above */
	char	   *source;			/* qualified and quoted names */
	char	   *customers;
} Declaration;

/* Everything empty; arguments are named as in SQL. */
extern void declaration_init(Declaration *declaration);

/*
 * Check all, fill in defaults, make expressions canonical and try them as the owner. Errors name the argument.
 * search_path is the caller's, under which new expressions are read.
 */
extern void declaration_check(Declaration *declaration, const char *search_path);

/* A warning, in a list of char *, where partition_by reads what was protected since it was declared, without a reason. */
extern List *declaration_protected_since(const Scorecard *card);

extern void declaration_check_name(const char *name);

/*
 * Check that the expressions of a stored scorecard still fit their relations and its published key, which may have
 * changed since; the relations stay locked. To be called within an owner scope before anything is read.
 */
extern void declaration_verify(const Scorecard *card);

#endif
