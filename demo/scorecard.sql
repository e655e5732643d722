SELECT custprio.create_scorecard(
  name          => 'crm',
  source        => 'orders',
  customer      => 'customer_id',
  purchased_at  => 'ordered_at',
  amount        => 'amount',
  filter        => $$status <> 'cancelled'$$,
  customers     => 'customers',
  customers_key => 'customer_id',
  capture       => 'trigger',
  every         => '10 seconds');
