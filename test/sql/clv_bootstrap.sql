-- Parametric bootstrap: what is refused. What it gives is tested in test/pgtap/clv_bootstrap.sql.
SET search_path = custprio, public;
SELECT count(*) FROM bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30,40}', '{50,60}', 5);
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30,40}', '{50}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30,NULL}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30,-1}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30,Infinity}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30}', '{1.5}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30}', '{NaN}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30}', '{-1}');
SELECT bootstrap(mbgnbd(.5, 6, .9, 1.6), '{30}', '{9}', 0);
SELECT bootstrap(mbgnbd(.5, 6, .9, -1), '{30}', '{9}');
SELECT bootstrap(sbg(1, 2), '{30.5}');
SELECT bootstrap(bgbb(1, 2, 1, 2), '{30.5}');
SELECT bootstrap(gamma_gamma(6, 4, 15), '{-1}');
SELECT bootstrap(fit_mbgnbd(0, 0, 9), '{9}') FROM generate_series(1, 9);
