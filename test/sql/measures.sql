-- What rates and measures refuse, and what they make of nothing.
\set VERBOSITY default
SET search_path = custprio, public;
SET extra_float_digits = -3;
-- nothing
SELECT repurchase_rate(p), csat(s), nps(s), return_rate(a), theil_sen_slope(s, s), gini(s), pdc(d, 1, '2026-01-01', '2026-01-31'), channel_preference(c)
FROM (VALUES (NULL::bigint, NULL::float8, NULL::numeric, NULL::date, NULL::text)) v(p, s, a, d, c);
SELECT repurchase_rate(p), csat(s), nps(s), return_rate(a), theil_sen_slope(s, s), gini(s), pdc(d, 1, '2026-01-01', '2026-01-31'), channel_preference(c)
FROM (VALUES (1::bigint, 1::float8, 1::numeric, '2026-01-01'::date, 'web')) v(p, s, a, d, c) WHERE false;
-- one row
SELECT repurchase_rate(p), csat(s), nps(s), return_rate(a), theil_sen_slope(s, s), gini(s), pdc(d, 1, '2026-01-01', '2026-01-31'), channel_preference(c)
FROM (VALUES (1::bigint, 1::float8, 1::numeric, '2026-01-01'::date, 'web')) v(p, s, a, d, c);
SELECT return_rate(-5), nps(10), csat(9, 9.5) FROM generate_series(1, 2);
SELECT wilson_interval(0, 0), wilson_interval(NULL, 3);
SELECT * FROM ab_result(0, 0, 0, 0);
SELECT * FROM ab_result(3, 3, 4, 4);
SELECT expected_loss(NULL, 1, 1), referral_value(1, NULL, 1, 1), need_priority(1, 1, NULL), share_of_wallet(NULL, 1), wallet_potential(1, NULL), profit_contribution(1, NULL), weighted_score(NULL, '{1}'), psi('{1}', NULL);
-- refused
SELECT wilson_interval(5, 3);
SELECT wilson_interval(-1, 3);
SELECT wilson_interval(1, 3, 1);
SELECT wilson_interval(1, 3, 'NaN');
SELECT ab_result(1, 3, 5, 4);
SELECT ab_result(1, 3, 4, 4, 0);
SELECT repurchase_rate(-1);
SELECT csat('NaN');
SELECT csat(1, 'Infinity');
SELECT nps(11);
SELECT nps(-1);
SELECT nps(8.5);
SELECT nps('NaN');
SELECT return_rate('NaN'::numeric);
SELECT return_rate('-Infinity'::numeric);
SELECT theil_sen_slope(1, 'NaN');
SELECT theil_sen_slope('Infinity', 1);
SELECT theil_sen_slope(x, x) FROM generate_series(1, 5001) x;
SELECT theil_sen_slope(x, y) FROM (VALUES (1e-300, 0), (2e-300, 1e300)) v(x, y);
SELECT gini(-1);
SELECT gini('Infinity');
SELECT pdc('2026-01-01', -1, '2026-01-01', '2026-01-31');
SELECT pdc('infinity', 1, '2026-01-01', '2026-01-31');
SELECT pdc('2026-01-01', 1, '2026-01-01', NULL);
SELECT pdc('2026-01-01', 1, '2026-02-01', '2026-01-31');
SELECT pdc('2026-01-01', 1, NULL, 'infinity');
SELECT pdc('2026-01-01', 1, d, '2026-01-31') FROM (VALUES (date '2026-01-01'), ('2026-01-02')) v(d);
SELECT pdc('2026-01-01', 2147483647, '2026-01-01', '2026-01-31') FROM generate_series(1, 3);
SELECT channel_preference('web', 0);
SELECT channel_preference('web', NULL);
SELECT channel_preference('web', n) FROM generate_series(1, 2) n;
SELECT channel_preference(n::text) FROM generate_series(1, 1001) n;
SELECT expected_loss(1.2, 0.5, 10);
SELECT expected_loss(0.2, -0.5, 10);
SELECT expected_loss(0.2, 0.5, -10);
SELECT expected_loss(0.2, 0.5, 'Infinity');
SELECT referral_value(3, 1, 1, 1);
SELECT referral_value(1, -1, 1, 1);
SELECT referral_value(1, 1, 'NaN', 1);
SELECT referral_value(1, 1, 1, 1, -1);
SELECT need_priority(1, 1, 0);
SELECT need_priority(-1, 1, 1);
SELECT need_priority(1e308, 1e308, 1);
SELECT share_of_wallet(-1, 3), wallet_potential(-1, 3);
SELECT share_of_wallet(1, -3);
SELECT wallet_potential(1, -3);
SELECT profit_contribution(100, 25);
SELECT profit_contribution(100, 0.25, -5);
SELECT profit_contribution('NaN', 0.25);
SELECT loyalty_index(-1);
SELECT loyalty_index(1, 7);
SELECT loyalty_index(1, 1, 2);
SELECT weighted_score('{1,2}', '{1}');
SELECT weighted_score('{1,2}', '{1,-1}');
SELECT weighted_score('{1,2}', '{0,0}');
SELECT weighted_score('{1,NaN}', '{1,1}');
SELECT weighted_score('{1,2}', '{1,NULL}');
SELECT weighted_score('{{1,2}}', '{1,1}');
SELECT weighted_score('{}', '{}');
SELECT psi('{1,2}', '{1}');
SELECT psi('{1,-2}', '{1,1}');
SELECT psi('{0,0}', '{1,1}');
SELECT psi('{}', '{}');
SELECT psi('{1,1}', '{1,1}', 0);
