/* owner_rows.h: answers about customers that need the owner's rights, for whoever may see these customers. */
#ifndef CUSTPRIO_OWNER_ROWS_H
#define CUSTPRIO_OWNER_ROWS_H

#include "scorecard.h"

/*
 * Fill the set that a function returns with the rows of a query that runs as the card's owner. Its first column is the
 * customer's key and is given as text, the others have the types of the result. Customers whom the caller cannot read
 * in the priority table are left out. what names the query in messages.
 */
extern void owner_rows(FunctionCallInfo fcinfo, const Scorecard *card, const char *sql, const char *what);

/* The condition that a column of the key's type is one customer, given as text. */
extern char *owner_rows_only(const Scorecard *card, const char *column, text *customer);

/* The card by the first argument, as far as it can be found, for anybody. */
extern Scorecard *owner_rows_card(FunctionCallInfo fcinfo);

#endif
