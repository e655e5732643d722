-- What a customer is worth, risks, needs and refers, from figures that the user has. NULL for a NULL argument.

CREATE FUNCTION custprio.expected_loss(pd float8, lgd float8, ead float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_expected_loss' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.expected_loss(float8, float8, float8) IS
'expected credit loss = probability of default × loss given default × exposure at default (Basel framework); pd and lgd between 0 and 1, exposure not negative. An axis of risk of its own: do not mix it into value unseen';
CREATE FUNCTION custprio.referral_value(willingness float8, effect float8, conversion float8, value float8, reward float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_referral_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.referral_value(float8, float8, float8, float8, float8) IS
'value of a customer''s referrals = willingness (probability of referring) × effect (people reached) × conversion (share of them who buy) × value (of such a customer) - reward (paid for it in all). Simpler than the customer referral value of Kumar, Petersen and Leone (2010), which leaves out those who would have come anyway: value should be of customers won by the referral alone';
CREATE FUNCTION custprio.need_priority(urgency float8, importance float8, difficulty float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_need_priority' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.need_priority(float8, float8, float8) IS
'priority of a need = urgency × importance / difficulty, on scales of your own; difficulty above 0';
CREATE FUNCTION custprio.share_of_wallet(sales float8, wallet float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_share_of_wallet' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.share_of_wallet(float8, float8) IS
'share of wallet = our sales / estimate of all that the customer buys of the kind; NULL for a wallet of 0; sales below 0 count as 0. Above 1 the estimate is too low';
CREATE FUNCTION custprio.wallet_potential(sales float8, wallet float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_wallet_potential' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.wallet_potential(float8, float8) IS
'potential = wallet × (1 - share of wallet) = wallet - sales, at least 0; sales below 0 count as 0';
CREATE FUNCTION custprio.profit_contribution(revenue float8, margin float8, acquisition_cost float8 DEFAULT 0, service_cost float8 DEFAULT 0) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_profit_contribution' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.profit_contribution(float8, float8, float8, float8) IS
'profit contribution = revenue × margin - acquisition_cost - service_cost; margin is a share of revenue, at most 1, and may be negative';
CREATE FUNCTION custprio.loyalty_index(purchases bigint, feedback float8 DEFAULT NULL, weight float8 DEFAULT 0.5) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_loyalty_index' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.loyalty_index(bigint, float8, float8) IS
'loyalty from 0 to 1 = (1 - weight) × repurchases + weight × feedback: repurchases are the share (n - 1)/n of purchases that are not the first, feedback is the customer''s own, scaled to 0 … 1 (say, score/10). Without feedback the repurchases alone; NULL without a purchase. A convention, not a measurement';
CREATE FUNCTION custprio.weighted_score("values" float8[], weights float8[]) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_weighted_score' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.weighted_score(float8[], float8[]) IS
'weighted mean of values, as for the attractiveness of a market from its size, growth and competition. A NULL value leaves the mean, and the other weights grow in proportion; NULL when no value of weight is known. Bring values to one scale first';
CREATE FUNCTION custprio.psi(expected float8[], actual float8[], min_share float8 DEFAULT 0.0001) RETURNS float8
  AS 'MODULE_PATHNAME', 'custprio_population_stability' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION custprio.psi(float8[], float8[], float8) IS
'population stability index = sum over classes of (actual - expected) × ln(actual / expected), on shares; counts are divided by their sums first. Below 0.1 is usually called stable, above 0.25 a shift. A class with less than min_share counts as that, as an empty one has no logarithm';
