/* cholesky.h: symmetric systems of as many equations as a fit has unknowns. */
#ifndef CUSTPRIO_CLV_CHOLESKY_H
#define CUSTPRIO_CLV_CHOLESKY_H

#include "clv/model.h"

/* Cholesky factor of a k x k matrix in place (lower triangle); false if it is not positive definite. */
extern bool clv_cholesky(double m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS], int k);

/* Solve with a Cholesky factor: b becomes the solution. */
extern void clv_cholesky_solve(double m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS], int k, double *b);

#endif
