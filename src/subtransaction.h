/* subtransaction.h: run something whose error can be kept. */
#ifndef CUSTPRIO_SUBTRANSACTION_H
#define CUSTPRIO_SUBTRANSACTION_H

/*
 * Call work(arg) in a subtransaction, in the memory context of the call. Returns NULL; or the error that ended it, copied
 * into that context, when all that the work did is undone, settings, user and locks included. Either way memory context
 * and resource owner are again those of the call.
 *
 * Every ERROR is kept: a cancel by a user, a timeout or max_runtime, a deadlock, memory that ran out, the shutdown of
 * a parallel worker. A caller whom only some errors concern must pass on the others with ReThrowError(). FATAL, as the
 * shutdown of this backend is, and PANIC end the process and are not kept. Nothing is logged.
 */
extern ErrorData *subtransaction_try(void (*work) (void *arg), void *arg);

/* Whether an error says that the whole statement is to end, and nothing of what was tried. */
static inline bool
ends_statement(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN;
}

#endif
