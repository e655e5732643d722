/*
 * large_pages.h: asking the system for large pages.
 *
 * Customers lie in no order in memory, so that every access misses the caches, and with small pages the address
 * translation too; and a page costs as much to get as the work on what is in it.
 */
#ifndef CUSTPRIO_LARGE_PAGES_H
#define CUSTPRIO_LARGE_PAGES_H

#include <sys/mman.h>

#define LARGE_PAGE (2 * 1024 * 1024)

/* Have memory that was not touched yet, or that will be long in use, on large pages where the system has them. */
static inline void
prefer_large_pages(void *start, Size size)
{
#ifdef MADV_HUGEPAGE
	uintptr_t	from = TYPEALIGN(LARGE_PAGE, start);
	uintptr_t	to = TYPEALIGN_DOWN(LARGE_PAGE, (char *) start + size);

	if (to > from)
		(void) madvise((void *) from, to - from, MADV_HUGEPAGE);	/* only advice: it may fail */
#endif
}

#endif
