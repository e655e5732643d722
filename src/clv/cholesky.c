/* cholesky.c: symmetric systems of as many equations as a fit has unknowns. */
#include "clv/cholesky.h"

#include <math.h>

bool
clv_cholesky(double m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS], int k)
{
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j <= i; j++)
		{
			double		sum = m[i][j];

			for (int l = 0; l < j; l++)
				sum -= m[i][l] * m[j][l];
			if (i > j)
				m[i][j] = sum / m[j][j];
			else if (sum > 1e-14 * fabs(m[i][i]) && sum > 0)
				m[i][i] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

void
clv_cholesky_solve(double m[CLV_MAX_UNKNOWNS][CLV_MAX_UNKNOWNS], int k, double *b)
{
	for (int i = 0; i < k; i++)
	{
		for (int j = 0; j < i; j++)
			b[i] -= m[i][j] * b[j];
		b[i] /= m[i][i];
	}
	for (int i = k - 1; i >= 0; i--)
	{
		for (int j = i + 1; j < k; j++)
			b[i] -= m[j][i] * b[j];
		b[i] /= m[i][i];
	}
}
