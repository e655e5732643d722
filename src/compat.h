/* compat.h: every condition on the server's version lives here. */
#ifndef CUSTPRIO_COMPAT_H
#define CUSTPRIO_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "custprio needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#else
/* Before 16 an input function cannot report an error softly. */
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

#endif
