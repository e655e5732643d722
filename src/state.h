/* state.h: the table <card>_purchases, one purchase_summary per customer. */
#ifndef CUSTPRIO_STATE_H
#define CUSTPRIO_STATE_H

#include "customer_set.h"
#include "source.h"

/* A customer as the relation of customers has it. */
typedef struct ListedCustomer
{
	Datum		key;
	text	   *segment;		/* value of partition_by; NULL: none */
} ListedCustomer;

/*
 * Bring the state to what the source gave, writing only rows that differ, and take every customer into set. listed
 * holds the relation of customers (entries are ListedCustomers), or is NULL. With write false, the state is left alone.
 */
extern void state_rebuild(const Scorecard *card, SourceResult *source, const KeyMap *listed, CustomerSet *set,
						  bool write, RefreshRun *run);

/*
 * Take every customer of the state into set, except those who have changed (NULL: nobody) and those whose summary does
 * not hold for as_of; the keys of both go to *stale (entries of a key alone). Returns the number of rows.
 */
extern int64 state_read(const Scorecard *card, DateADT as_of, const KeyMap *changed, CustomerSet *set,
						KeyMap **stale);

/*
 * Bring the rows of the customers in stale to what the source gave for them now, and take them into set. listed has
 * those of them that the relation of customers has; NULL: each is as the state has it.
 */
extern void state_resummarize(const Scorecard *card, const KeyMap *stale, const KeyMap *listed, SourceResult *source,
							  CustomerSet *set, RefreshRun *run);

#endif
