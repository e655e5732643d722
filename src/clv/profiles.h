/* profiles.h: distinct vectors of covariates, numbered. */
#ifndef CUSTPRIO_CLV_PROFILES_H
#define CUSTPRIO_CLV_PROFILES_H

typedef struct ClvProfiles ClvProfiles;

extern ClvProfiles *clv_profiles_create(MemoryContext context, int width);

/* The number of a vector, which is added unless it is there already. */
extern int	clv_profiles_number(ClvProfiles *profiles, const double *vector);

extern int	clv_profiles_count(const ClvProfiles *profiles);
extern const double *clv_profiles_vector(const ClvProfiles *profiles, int number);

/*
 * All vectors one after the other, sorted, in the current memory context; rank receives the place of each number. So what
 * is made of them does not depend on the order in which they came.
 */
extern double *clv_profiles_sorted(const ClvProfiles *profiles, int **rank);

#endif
