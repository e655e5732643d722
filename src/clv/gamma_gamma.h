/* gamma_gamma.h: predictions of the Gamma-Gamma model; see model.h for its fitting. */
#ifndef CUSTPRIO_CLV_GAMMA_GAMMA_H
#define CUSTPRIO_CLV_GAMMA_GAMMA_H

#include <stdbool.h>

/* Whether the population has a mean: q > 1. Without one, x p + q > 1 still gives a customer with purchases a mean. */
extern bool gamma_gamma_has_mean(const double *params);

/* Expected value of a purchase of a customer whose x repeat purchases had the mean m; x = 0: the population's mean. */
extern double gamma_gamma_expected_value(const double *params, double x, double m);

#endif
