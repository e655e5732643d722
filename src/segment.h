/* segment.h: segment maps, which name each RFM score. */
#ifndef CUSTPRIO_SEGMENT_H
#define CUSTPRIO_SEGMENT_H

#include "rfm_score.h"

#define SEGMENT_MIN_BINS 2
#define SEGMENT_MAX_BINS RFM_MAX_DIGIT
#define SEGMENT_NAME_MAX 63		/* bytes, of a map and of a segment */
#define SEGMENT_DEFAULT_MAP "rfm_11"

typedef struct SegmentMap
{
	int			bins;			/* digits run from 1 to bins */
	bool		split_by_mean;	/* else by quantiles */
	const char *segment[RFM_LIMIT]; /* by score; never NULL where rfm_is_within(score, bins), NULL elsewhere */
} SegmentMap;

/*
 * Read and check a map, as any role. Raises 42704 when there is none of that name and XX001 when somebody broke it
 * with direct writes. Needs an active snapshot. Memory: the caller's current context.
 */
extern SegmentMap *segment_map_load(const char *map);

#endif
