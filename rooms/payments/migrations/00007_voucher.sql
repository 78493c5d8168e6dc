-- +goose Up

-- Building blocks and organisations that may order payments by the GovStack
-- interface.
create table payments_source (
  id text primary key,               -- SourceBBID or Gov_Stack_BB
  seat text not null,                -- membership its programs hold
  program text not null,             -- for which it may hand batches over, or ''
  active boolean not null,
  registered bigint not null
) {strict};

-- The account mapper: a program's own number of a person leads to an address.
create table payments_beneficiary (
  functional text primary key,
  source text not null,              -- who registered it
  modality text not null,
  address text not null,             -- IBAN or mobile number, or '' when not yet known
  registered bigint not null,
  changed bigint not null
) {strict};

-- A batch that a source had validated or handed over.
create table payments_batch_call (
  source text not null,
  batch text not null,
  kind text not null,                -- validation, payment
  request text not null,
  digest {bytes} not null,           -- of the message
  bulk bigint not null,              -- the file it became, 0 for validations
  failed {json} not null,            -- of validations: what cannot be paid
  at bigint not null,
  primary key (source, batch, kind)
) {strict};

-- Vouchers of a kind, for which money is set aside in a pool.
create table payments_voucher_group (
  id text not null,
  currency text not null,
  funding text not null,             -- account that pays for them
  pool text not null,                -- account that holds the money of open vouchers
  validity bigint not null,          -- microseconds from the pre-activation
  active boolean not null,
  primary key (id, currency)
) {strict};

create table payments_voucher_merchant (
  name text not null,
  details text not null,             -- bank details as the merchant states them
  grp text not null,                 -- voucher group it takes part in
  account text not null,
  primary key (name, details, grp)
) {strict};

create table payments_voucher (
  serial text primary key,
  mac {bytes} not null unique,       -- keyed hash of the number, which is nowhere
  grp text not null,
  currency text not null,
  amount bigint not null,            -- minor units
  source text not null,              -- the building block that ordered it
  correlation text not null,         -- its X-CorrelationID, or ''
  state text not null,               -- preactivated, activated, suspended, used, cancelled, expired
  created bigint not null,
  expires bigint not null,
  changed bigint not null,
  merchant text not null,            -- account that was paid with it, or ''
  transfer text not null             -- the payment that used it or gave its money back, or ''
) {strict};
create unique index payments_voucher_correlation on payments_voucher (source, correlation) where correlation <> '';

-- Wrong numbers by hour, so that nobody tries them out.
create table payments_voucher_guess (
  source text not null,
  hour bigint not null,              -- hours since 1970 UTC
  wrong bigint not null,
  primary key (source, hour)
) {strict};
