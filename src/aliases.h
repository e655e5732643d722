/* aliases.h: keys that stand for the same customer. */
#ifndef CUSTPRIO_ALIASES_H
#define CUSTPRIO_ALIASES_H

#include "keymap.h"
#include "scorecard.h"

typedef struct Aliases
{
	KeyMap	   *map;			/* entries are alias and what it finally stands for */
	char	   *fingerprint;	/* equal for equal sets of pairs */
} Aliases;

/*
 * Read the relation of aliases of a card under the active snapshot into card->aliases, NULL where it has none. To be
 * called within an owner scope. Raises on a key that stands for two others, and on a circle.
 */
extern void aliases_read(Scorecard *card);

/* What a key stands for: itself in most cases. Keys must be detoasted. aliases may be NULL. */
extern Datum alias_canonical(const Aliases *aliases, Datum key);

/* The same of many keys, each once; and all keys that stand for them, themselves included. */
extern const KeyMap *aliases_canonical(const Scorecard *card, const KeyMap *keys);
extern const KeyMap *aliases_expand(const Scorecard *card, const KeyMap *keys);

/*
 * For queries that group rows by key: what to append to the relation in FROM, and in *key the expression of what the key
 * stands for. Nothing changes without aliases.
 */
extern const char *aliases_join(const Scorecard *card, const char **key);

/* Whether the state was made under these aliases, and noting that it now is. */
extern bool aliases_applied(const Scorecard *card);
extern void aliases_note(const Scorecard *card);

#endif
