# Reference values of test/pgtap/regression.sql, by R's lm and glm, on data that the test makes by the same formulas.
#   Rscript test/oracle/regression.R > test/oracle/regression.csv
wave <- function(n, a, b) { v <- sin(n * a) * b; v - floor(v) }
bell <- function(n, a) 2 * (wave(n, a, 4375.5453) + wave(n, a + 1, 2758.5453) + wave(n, a + 2, 1912.11) - 1.5)
n <- 1:800
x1 <- bell(n, 91.7)
x2 <- 1e6 + 3000 * wave(n, 13.1, 2758.5453)
x3 <- ifelse(wave(n, 7.77, 1912.11) < 0.3, 1, 0)
x4 <- 0.7 * x1 + 0.3 * wave(n, 3.3, 3131.7)
noise <- bell(n, 57.3)
w <- 1 + n %% 5
y <- 12 + 3 * x1 - 0.002 * (x2 - 1e6) + 5 * x3 + x4 + 2 * noise
b <- as.numeric(wave(n, 23.9, 3999.13) < 1 / (1 + exp(1 - 1.5 * x1 - x3 + 0.0004 * (x2 - 1e6))))
rare <- as.numeric(wave(n, 23.9, 3999.13) < 1 / (1 + exp(4 - x1)))

show <- function(model, name, values)
  cat(sprintf("%s,%s,%d,%.13e\n", model, name, seq_along(values), values), sep = "")
linear <- function(model, m) {
  s <- summary(m)
  for (i in 1:4) show(model, c("coefficients", "standard_errors", "t_values", "p_values")[i], s$coefficients[, i])
  show(model, "r_squared", s$r.squared)
  show(model, "adjusted_r_squared", s$adj.r.squared)
  show(model, "residual_deviation", s$sigma)
  show(model, "f_statistic", s$fstatistic[1])
  show(model, "degrees_of_freedom", m$df.residual)
  show(model, "predict", predict(m)[1:3])
}
logit <- function(model, m, y, w = rep(1, length(y))) {
  s <- summary(m)
  for (i in 1:4) show(model, c("coefficients", "standard_errors", "z_values", "p_values")[i], s$coefficients[, i])
  show(model, "log_likelihood", as.numeric(logLik(m)))
  show(model, "deviance", m$deviance)
  show(model, "null_deviance", m$null.deviance)
  show(model, "aic", m$aic)
  # Mann and Whitney's count of pairs
  one <- y == 1
  p <- fitted(m)
  pairs <- outer(p[one], p[!one], function(a, b) (a > b) + (a == b) / 2)
  show(model, "auc", sum(pairs * outer(w[one], w[!one])) / sum(w[one]) / sum(w[!one]))
  show(model, "predict", p[1:3])
}
tight <- glm.control(epsilon = 1e-14, maxit = 100)
linear("linear", lm(y ~ x1 + x2 + x3 + x4))
linear("linear_weighted", lm(y ~ x1 + x2 + x3 + x4, weights = w))
logit("logit", glm(b ~ x1 + x2 + x3, binomial, control = tight), b)
logit("logit_weighted", glm(b ~ x1 + x2 + x3, binomial, weights = w, control = tight), b, w)
logit("logit_rare", glm(rare ~ x1, binomial, control = tight), rare)
logit("logit_ties", glm(b ~ x3, binomial, control = tight), b)
