-- crm.sql: a small shop, the same on every run. About 2,000 customers and 15,000 orders over the last three years: a
-- few customers buy most, many buy once, prices repeat (so values tie), some orders are cancelled or refunded, and
-- some customers never bought.
SET client_min_messages = warning;

CREATE TABLE customers (
  customer_id  bigint PRIMARY KEY,
  name         text NOT NULL,
  region       text NOT NULL,
  signed_up    date NOT NULL
);

CREATE TABLE orders (
  order_id     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  customer_id  bigint NOT NULL REFERENCES customers,
  ordered_at   timestamptz NOT NULL,
  amount       numeric(12,2) NOT NULL,
  status       text NOT NULL CHECK (status IN ('paid', 'cancelled', 'refunded'))
);

-- A number in [0, 1) that depends on nothing but its arguments: our seeded random generator.
CREATE FUNCTION pg_temp.chance(what text, id bigint, nth bigint DEFAULT 0) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$
  SELECT (hashtextextended(what || ' ' || id || ' ' || nth, 1897) & 4503599627370495) / 4503599627370496.0
$$;

INSERT INTO customers
SELECT id,
       (ARRAY['Ada','Bruno','Chen','Dilek','Emil','Fatima','Greta','Hiro','Ines','Jonas','Kofi','Lena','Mateo','Nadia',
              'Otto','Priya','Quentin','Rosa','Sven','Tara','Umar','Vera','Wei','Xenia','Yusuf','Zoe'])
         [1 + floor(26 * pg_temp.chance('first name', id))::int] || ' ' ||
       (ARRAY['Abel','Bauer','Costa','Dubois','Eriksen','Fischer','Garcia','Haddad','Ito','Jansen','Kowalski','Lopez',
              'Meyer','Novak','Okafor','Petrov','Rossi','Schmidt','Tanaka','Ueda','Vogel','Weber','Yilmaz','Zhang'])
         [1 + floor(24 * pg_temp.chance('last name', id))::int],
       (ARRAY['North','North','South','East','West','West','West'])[1 + floor(7 * pg_temp.chance('region', id))::int],
       current_date - 1 - floor(1095 * pg_temp.chance('signed up', id))::int
FROM generate_series(1, 2000) id;

-- Heavy-tailed numbers of orders; 6 % of the customers stay prospects. Most stop buying some day.
INSERT INTO orders (customer_id, ordered_at, amount, status)
SELECT customer_id, ordered_at, amount, status
FROM (
  SELECT c.customer_id,
         c.signed_up + interval '9 hours' + interval '12 hours' * pg_temp.chance('hour', c.customer_id, nth)
           + interval '1 day' * floor(days_active * CASE WHEN nth = 1 THEN 0 ELSE pg_temp.chance('day', c.customer_id, nth) END)
           AS ordered_at,
         price[1 + floor(array_length(price, 1) * pg_temp.chance('product', c.customer_id, nth) ^ taste)::int]
           * (1 + floor(3 * pg_temp.chance('pieces', c.customer_id, nth) ^ 3)::int) AS amount,
         CASE WHEN pg_temp.chance('cancelled', c.customer_id, nth) < 0.03 THEN 'cancelled' ELSE 'paid' END AS status
  FROM (SELECT customer_id, signed_up,
               least(160, floor(1.55 / (1 - pg_temp.chance('orders', customer_id))))::int AS n_orders,
               (current_date - 1 - signed_up) * least(1, 0.1 + 1.2 * pg_temp.chance('active', customer_id)) AS days_active,
               0.6 + 2 * pg_temp.chance('taste', customer_id) AS taste,
               '{4.90,7.50,9.90,12.00,14.90,19.90,24.90,29.00,39.00,49.00,59.90,79.00,99.00,129.00,199.00,349.00}'::numeric[] AS price
        FROM customers
        WHERE pg_temp.chance('prospect', customer_id) >= 0.06) c,
       generate_series(1, n_orders) nth
) o
ORDER BY ordered_at;

-- Refunds are rows of their own with a negative amount, some days after the order.
INSERT INTO orders (customer_id, ordered_at, amount, status)
SELECT customer_id, least(ordered_at + interval '1 day' * (2 + floor(12 * pg_temp.chance('returned', order_id))), now()),
       -amount, 'refunded'
FROM orders
WHERE status = 'paid' AND pg_temp.chance('refund', order_id) < 0.03
ORDER BY ordered_at;

CREATE INDEX ON orders (customer_id);
ANALYZE customers;
ANALYZE orders;
