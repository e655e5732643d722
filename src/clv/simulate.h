/* simulate.h: histories of customers as each model makes them, over the time h->t (Gamma-Gamma: the purchases h->x). */
#ifndef CUSTPRIO_CLV_SIMULATE_H
#define CUSTPRIO_CLV_SIMULATE_H

#include "clv/model.h"

extern void clv_simulate_bgnbd(const double *params, bool modified, double k, struct pg_prng_state *prng, ClvHistory *h);
extern void clv_simulate_pareto_nbd(const double *params, struct pg_prng_state *prng, ClvHistory *h);
extern void clv_simulate_bgbb(const double *params, struct pg_prng_state *prng, ClvHistory *h);
extern void clv_simulate_sbg(const double *params, struct pg_prng_state *prng, ClvHistory *h);
extern void clv_simulate_gamma_gamma(const double *params, struct pg_prng_state *prng, ClvHistory *h);

#endif
