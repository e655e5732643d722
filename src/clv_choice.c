/*
 * clv_choice.c: clv_model => 'auto', the model that would have predicted the recent past best.
 *
 * The last third of the time that the purchases span, but no more than the horizon, is held out. Every candidate is
 * fitted to the purchases before it, and what it expects of each customer in the holdout is put beside what happened.
 * The lowest mean squared error wins: of all guesses, the expectation has the lowest one. A model that was chosen
 * earlier stays unless another one beats it by more than two standard errors of the difference, so that equals do not
 * take turns.
 *
 * All of this comes from the days in the state; the source is not read. Sums are of integers, so that they depend on
 * the customers alone and not on their order.
 */
#include "custprio.h"

#include "clv_choice.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "clv/collapse.h"
#include "clv/value.h"
#include "customer_clv.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

#define CHOICE_DAYS			30		/* a choice stands for so long */
#define LEAST_CUSTOMERS		100		/* customers before the holdout ... */
#define LEAST_RETURNING		30		/* ... and those of them who bought in it, without whom nothing is chosen */
#define CLEARLY				2.0		/* standard errors */

#define ERROR_MOST			1e9		/* a squared error is no greater */
#define ERROR_UNIT			0x1p-30	/* squared errors and differences are counted in this, ... */
#define SQUARE_UNIT			0x1p-10	/* ... and squared differences in this */

typedef struct Trial
{
	const ClvModel *model;
	ClvFit		fit;			/* to the time before the holdout */
	const Predictor *predictor; /* NULL: the fit failed */
	int128		errors;			/* sum of squared errors */
	int128		differences;	/* sum of squared errors less those of the incumbent */
	int128		squares;		/* of these differences */
} Trial;

/* In the order in which equals are preferred. */
static const ClvModel *const candidates[] = {&clv_mbgnbd, &clv_pareto_nbd, &clv_bgnbd};

#define CANDIDATES	lengthof(candidates)

typedef struct Choice
{
	const Scorecard *card;
	const CustomerSet *set;
	DateADT		split;			/* last day before the holdout */
	int			holdout;		/* days */
	int64		customers;		/* who had bought by then */
	int64		returning;		/* and bought again in the holdout */
	Trial		trial[CANDIDATES];
	Trial	   *incumbent;		/* what was chosen before, or NULL */
} Choice;

bool
clv_choice_due(const Scorecard *card, RefreshMode requested, DateADT as_of)
{
	if (!card->clv_auto)
		return false;
	return !card->clv_is_chosen || requested == REFRESH_RESCORE || requested == REFRESH_REBUILD ||
		as_of < card->clv_chosen_on || as_of - card->clv_chosen_on >= CHOICE_DAYS;
}

/* The customer's history before the holdout, and purchases in it; false: there is none. */
static bool
history_before(const Choice *choice, const Customer *customer, ClvHistory *h, int *bought)
{
	double		unit = clv_unit_days(choice->card->clv_time_unit, true);
	int			n = customer->repeat_days + 1;
	int			before = 0;

	while (before < n && customer->days[before] <= choice->split)
		before++;
	if (before == 0)
		return false;
	*h = (ClvHistory) {
		.x = before - 1,
		.t_x = (customer->days[before - 1] - customer->days[0]) / unit,
		.t = (choice->split - customer->days[0]) / unit,
		.weight = 1
	};
	*bought = n - before;
	return true;
}

static void
set_holdout(Choice *choice, DateADT as_of)
{
	DateADT		first = as_of;

	for (uint32 id = 0; id < choice->set->map->n; id++)
	{
		const Customer *customer = customer_at(choice->set, id);

		if (customer->stage == STAGE_BUYER)
			first = Min(first, customer->first_day);
	}
	choice->holdout = (int) Min((as_of - first) / 3, clv_horizon_days(choice->card, as_of));
	choice->split = as_of - choice->holdout;
}

/* Fit every candidate to the time before the holdout; false if there is too little to tell them apart. */
static bool
fit_candidates(Choice *choice)
{
	ClvCollapse *histories = clv_collapse_create(CurrentMemoryContext);
	double		horizon = choice->holdout / clv_unit_days(choice->card->clv_time_unit, true);

	for (uint32 id = 0; id < choice->set->map->n; id++)
	{
		const Customer *customer = customer_at(choice->set, id);
		ClvHistory	h;
		int			bought;

		if (customer->stage != STAGE_BUYER || !history_before(choice, customer, &h, &bought))
			continue;
		clv_collapse_add(histories, h.x, h.t_x, h.t, 1);
		choice->customers++;
		choice->returning += bought > 0;
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (choice->customers < LEAST_CUSTOMERS || choice->returning < LEAST_RETURNING)
		return false;
	for (int i = 0; i < CANDIDATES; i++)
	{
		Trial	   *trial = &choice->trial[i];
		ClvHistory *rows;
		long		n;

		trial->model = candidates[i];
		rows = clv_collapse_rows(histories, &n);
		clv_fit_anyhow(trial->model, rows, n, &trial->fit);
		pfree(rows);
		if (trial->fit.converged)
			trial->predictor = predictor_create(&trial->fit, NULL, horizon, get_float8_nan());
		if (choice->card->clv_is_chosen && choice->card->clv_model == trial->model && trial->predictor)
			choice->incumbent = trial;
	}
	return true;
}

static void
measure_errors(Choice *choice)
{
	for (uint32 id = 0; id < choice->set->map->n; id++)
	{
		const Customer *customer = customer_at(choice->set, id);
		ClvHistory	h;
		double		error[CANDIDATES] = {0};
		double		of_incumbent = 0;
		int			bought;

		if (customer->stage != STAGE_BUYER || !history_before(choice, customer, &h, &bought))
			continue;
		for (int i = 0; i < CANDIDATES; i++)
		{
			Trial	   *trial = &choice->trial[i];
			double		miss;

			if (trial->predictor == NULL)
				continue;
			miss = predictor_expected(trial->predictor, &h, choice->split - customer->first_day) - bought;
			error[i] = fmin(miss * miss, ERROR_MOST);
			trial->errors += (int128) rint(error[i] / ERROR_UNIT);
			if (trial == choice->incumbent)
				of_incumbent = error[i];
		}
		for (int i = 0; choice->incumbent && i < CANDIDATES; i++)
		{
			double		difference = error[i] - of_incumbent;

			choice->trial[i].differences += (int128) rint(difference / ERROR_UNIT);
			choice->trial[i].squares += (int128) rint(difference * difference / SQUARE_UNIT);
		}
		if (id % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Whether a trial's mean squared error is lower than the incumbent's by more than chance explains. */
static bool
clearly_better(const Choice *choice, const Trial *trial)
{
	double		n = choice->customers;
	double		mean = (double) trial->differences * ERROR_UNIT / n;
	double		variance = (double) trial->squares * SQUARE_UNIT / n - mean * mean;

	return -mean > CLEARLY * sqrt(fmax(variance, 0) / n);
}

static const Trial *
winner(const Choice *choice)
{
	const Trial *best = NULL;

	for (int i = 0; i < CANDIDATES; i++)
	{
		const Trial *trial = &choice->trial[i];

		if (trial->predictor && (best == NULL || trial->errors < best->errors))
			best = trial;
	}
	if (choice->incumbent && best != choice->incumbent && !clearly_better(choice, best))
		best = choice->incumbent;
	return best;
}

/* The figures, lowest error first. */
static char *
account(const Choice *choice, const Trial *best)
{
	StringInfoData text;
	const Trial *trial[CANDIDATES];
	int			n = 0;

	for (int i = 0; i < CANDIDATES; i++)
	{
		int			at = n;

		if (choice->trial[i].predictor == NULL)
			continue;
		while (at > 0 && choice->trial[i].errors < trial[at - 1]->errors)
		{
			trial[at] = trial[at - 1];
			at--;
		}
		trial[at] = &choice->trial[i];
		n++;
	}
	initStringInfo(&text);
	appendStringInfo(&text, "root mean squared error in the last %d days:", choice->holdout);
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s %s %.6f", i > 0 ? "," : "", trial[i]->model->name,
						 sqrt((double) trial[i]->errors * ERROR_UNIT / choice->customers));
	for (int i = 0; i < CANDIDATES; i++)
		if (choice->trial[i].predictor == NULL)
			appendStringInfo(&text, "; %s could not be fitted: %s", choice->trial[i].model->name,
							 choice->trial[i].fit.status);
	if (best != trial[0])
		appendStringInfo(&text, "; %s was chosen before and is not clearly worse", best->model->name);
	return text.data;
}

void
clv_choose(Scorecard *card, const CustomerSet *set, DateADT as_of, List **warnings)
{
	Choice		choice = {.card = card,.set = set};
	MemoryContext work;
	MemoryContext old;
	const Trial *best = NULL;
	char	   *why = NULL;

	/* a choice of a later day is none that this one has to beat */
	if (card->clv_is_chosen && as_of < card->clv_chosen_on)
		card->clv_is_chosen = false;
	work = AllocSetContextCreate(CurrentMemoryContext, "custprio choice of a model", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	set_holdout(&choice, as_of);
	if (fit_candidates(&choice))
	{
		measure_errors(&choice);
		best = winner(&choice);
	}
	if (best)
		why = account(&choice, best);
	MemoryContextSwitchTo(old);
	if (best)
	{
		card->clv_model = best->model;
		card->clv_is_chosen = true;
		card->clv_chosen_on = as_of;
		card->clv_choice = pstrdup(why);
		*warnings = lappend(*warnings, psprintf("clv_model \"auto\" follows %s: %s", best->model->name, why));
	}
	else
		*warnings = lappend(*warnings, psprintf("clv_model \"auto\" follows %s: too few customers to choose by",
												card->clv_model->name));
	MemoryContextDelete(work);
}

void
clv_choice_store(const Scorecard *card)
{
	if (card->clv_auto && card->clv_is_chosen)
		catalog_execute("UPDATE custprio.scorecard SET clv_chosen = $2, clv_chosen_on = $3"
						" WHERE scorecard_id = $1 AND (clv_chosen, clv_chosen_on) IS DISTINCT FROM ($2, $3)",
						3, (Oid[]) {INT8OID, TEXTOID, DATEOID},
						(Datum[]) {Int64GetDatum(card->id), CStringGetTextDatum(card->clv_model->name),
								   DateADTGetDatum(card->clv_chosen_on)}, NULL);
}
