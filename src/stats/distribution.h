/* distribution.h: probabilities of the usual test statistics. */
#ifndef CUSTPRIO_STATS_DISTRIBUTION_H
#define CUSTPRIO_STATS_DISTRIBUTION_H

/* Two-sided: the chance of being farther from 0 than z (standard normal) or t (Student). */
extern double normal_p_value(double z);
extern double t_p_value(double t, double degrees);

/* The number of standard deviations either side of the mean that hold so much of a normal distribution, 0 < level < 1. */
extern double normal_width(double level);

/* The chance of a larger F. */
extern double f_p_value(double f, double numerator_degrees, double denominator_degrees);

#endif
