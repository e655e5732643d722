/* compat.h: every condition on the server's version lives here. */
#ifndef CUSTPRIO_COMPAT_H
#define CUSTPRIO_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "custprio needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#endif
