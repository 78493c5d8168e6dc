-- +goose Up

-- Participants of the FSPIOP hub. Names are as FSPIOP-Source has them; the same
-- name in other letters is the same participant.
create table payments_hub_fsp (
  id text primary key,               -- the name in lower case
  name text not null,
  active boolean not null,
  jws text not null,                 -- public key of its signatures, PEM; '' when it does not sign
  created bigint not null            -- microseconds UTC, as all times
) {strict};

-- In which currencies a participant pays and is paid.
create table payments_hub_currency (
  fsp text not null,
  currency text not null,
  active boolean not null,
  created bigint not null,
  primary key (fsp, currency)
) {clustered};

-- Where a participant takes messages, as its operator or it registered.
create table payments_hub_endpoint (
  fsp text not null,
  kind text not null,                -- FSPIOP_CALLBACK_URL_...
  value text not null,
  primary key (fsp, kind)
) {clustered};

-- The oracle: which participant has a party. The identifier is not here, only its
-- keyed hash.
create table payments_hub_party (
  mac {bytes} not null,              -- of kind, identifier and sub-identifier
  currency text not null,            -- '' for any
  fsp text not null,
  since bigint not null,
  primary key (mac, currency, fsp)
) {clustered};

-- Transfers, each once for ever.
create table payments_hub_transfer (
  id text primary key,               -- transferId, the payer's choice
  hash {bytes} not null,             -- of what the payer asked for
  payer text not null,
  payee text not null,
  debtor text not null,              -- whose position pays: the payer, or who converts for it
  conversion text not null,          -- of another currency that pays for it, or ''
  currency text not null,
  amount bigint not null,            -- in the units of the currency's book
  condition text not null,
  expires bigint not null,
  state text not null,               -- RESERVED, COMMITTED, ABORTED
  code text not null,                -- FSPIOP error code of an end without money, or ''
  reason text not null,              -- its description
  fulfilment text not null,
  answer {bytes} not null,           -- hash of the payee's answer; empty before it
  accept text not null,              -- version of callbacks to the payer
  completed bigint not null,         -- 0 while open
  created bigint not null
) {strict};
create index payments_hub_transfer_open on payments_hub_transfer (state, expires);

-- Conversions: a payer gives one currency to who converts it, who pays in another.
create table payments_hub_conversion (
  id text primary key,               -- commitRequestId
  hash {bytes} not null,
  determining text not null,         -- the transfer that decides what becomes of it
  payer text not null,
  converter text not null,
  currency text not null,            -- of the source amount
  amount bigint not null,
  target text not null,              -- currency
  condition text not null,
  expires bigint not null,           -- for the converter's answer
  state text not null,               -- RECEIVED, RESERVED when the converter has answered, COMMITTED, ABORTED
  due text not null,                 -- COMMIT or ABORT, until the ledger of the source currency has done it; or ''
  code text not null,
  reason text not null,
  fulfilment text not null,
  answer {bytes} not null,
  accept text not null,
  completed bigint not null,
  created bigint not null
) {strict};
create index payments_hub_conversion_determining on payments_hub_conversion (determining);
create index payments_hub_conversion_open on payments_hub_conversion (state, expires);
create index payments_hub_conversion_due on payments_hub_conversion (due);

-- What still has to be told to a participant. A line goes when it was taken.
create table payments_hub_outbox (
  id text primary key,               -- in the order in which they were written
  fsp text not null,
  method text not null,
  resource text not null,            -- what the endpoint is found by
  path text not null,
  head text not null,                -- headers, JSON
  body {bytes} not null,
  created bigint not null
) {strict};
create index payments_hub_outbox_age on payments_hub_outbox (created);
