-- +goose Up

-- The hub's admin interfaces name things by whole numbers; each kind counts by itself.
create table payments_hub_counter (
  name text primary key,
  last bigint not null
) {strict};

-- A participant's number. The hub itself is ''.
create table payments_hub_number (
  fsp text primary key,
  id bigint not null unique
) {strict};

-- What the central ledger's interface calls an account. The money is on accounts of
-- the ledger; here is only by which number it is named.
create table payments_hub_account (
  id bigint primary key,
  fsp text not null,                 -- '' for the hub
  currency text not null,
  kind text not null,                -- POSITION, SETTLEMENT, HUB_MULTILATERAL_SETTLEMENT, HUB_RECONCILIATION
  created bigint not null,           -- microseconds UTC, as all times
  unique (fsp, currency, kind)
) {strict};

create table payments_hub_limit (
  fsp text not null,
  currency text not null,
  value bigint not null,             -- net debit cap, units of the currency's book
  alarm bigint not null,             -- per cent
  changed bigint not null,
  primary key (fsp, currency)
) {strict};

-- Funds in and out, each once for ever.
create table payments_hub_fund (
  id text primary key,               -- transferId, the operator's choice
  fsp text not null,
  currency text not null,
  amount bigint not null,
  direction text not null,           -- in, out
  state text not null,               -- RESERVED, COMMITTED, ABORTED
  reference text not null,           -- at the settlement bank
  reason text not null,
  made bigint not null,
  changed bigint not null
) {strict};

create table payments_hub_model (
  name text primary key,
  id bigint not null unique,
  currency text not null unique,     -- '' is for all without their own
  granularity text not null,         -- GROSS, NET
  interchange text not null,
  delay text not null,
  ledger_type text not null,
  settle_type text not null,
  liquidity boolean not null,
  resets boolean not null,
  active boolean not null,
  created bigint not null
) {strict};

create table payments_hub_oracle (
  id bigint primary key,
  kind text not null,
  currency text not null,
  url text not null,
  standard boolean not null,
  created bigint not null,
  unique (kind, currency)
) {strict};

-- A window of the hub: one of each of its currencies' books.
create table payments_hub_window (
  id bigint primary key,
  state text not null,
  reason text not null,
  created bigint not null,
  changed bigint not null
) {strict};
create unique index payments_hub_window_open on payments_hub_window (state) where state = 'OPEN';

create table payments_hub_window_part (
  hub_window bigint not null,
  currency text not null,
  place bigint not null,             -- the ledger's window of the currency
  settlement bigint not null,        -- 0: none yet
  state text not null,               -- CLOSED, PENDING_SETTLEMENT, SETTLED, ABORTED
  primary key (hub_window, currency)
) {strict};

-- What a cut left on the obligation accounts.
create table payments_hub_due (
  hub_window bigint not null,
  currency text not null,
  book text not null,
  amount bigint not null,            -- below zero: the participant owes
  primary key (hub_window, currency, book)
) {strict};

create table payments_hub_settlement (
  id bigint primary key,
  model text not null,
  state text not null,
  reason text not null,
  created bigint not null,
  changed bigint not null
) {strict};

create table payments_hub_settlement_account (
  settlement bigint not null,
  account bigint not null,
  fsp text not null,
  currency text not null,
  net bigint not null,               -- above zero: the participant owes
  state text not null,
  reason text not null,
  reference text not null,
  moved boolean not null,            -- its part has left the obligation account
  changed bigint not null,
  primary key (settlement, account)
) {strict};
