-- +goose Up

-- The ledger's rows are kept in batches, as they became durable together, and
-- are the only truth. What people look things up in is made from them after the
-- commit, in their order, and can be made anew.
drop table payments_entry;
drop table payments_row;
drop table payments_transfer;

-- The lease: whoever moves number on by one writes the batch with that number.
alter table payments_book add column number bigint not null default 0;

-- How far the tables are that are made from the batches.
create table payments_index (
  currency text primary key,
  number bigint not null             -- last batch they contain
) {strict};

create table payments_batch (
  currency text not null,
  number bigint not null,            -- from 1, without gaps
  first bigint not null,             -- number of its first row
  count bigint not null,
  at bigint not null,
  secret {bytes} not null,           -- blinds the leaves
  root {bytes} not null,             -- Merkle tree over the rows
  before {bytes} not null,           -- head of the batch before
  head {bytes} not null,
  event text not null,               -- payments.batch.sealed, whose leaf in the public log is a commitment to root and head
  body {bytes} not null,             -- the rows, in the ledger's own form
  notes {bytes} not null,            -- what goes with them for people: references, purposes
  primary key (currency, number)
) {strict};
create unique index payments_batch_first on payments_batch (currency, first);

-- Made from the batches: one line a transfer, or a posting.
create table payments_transfer (
  id text primary key,
  currency text not null,
  seq bigint not null,               -- row that made it
  done bigint not null,              -- row that ended it, 0 while reserved
  place bigint not null,             -- settlement window of that row
  kind text not null,                -- transfer, post
  reference text not null,           -- what people read out
  debit text not null,
  credit text not null,
  debit_book text not null,
  credit_book text not null,
  amount bigint not null,
  phase text not null,               -- reserved, committed, aborted, expired, refused
  reason text not null,              -- ISO 20022 reason of a refusal or an end, or ''
  expires bigint not null,
  reserved bigint not null,
  finished bigint not null,          -- 0 while reserved
  purpose text not null,             -- for the two parties
  fee text not null,                 -- the fee or sale it pays, or ''
  event text not null                -- of its commit, when it has one of its own
) {clustered};
create index payments_transfer_debit on payments_transfer (debit, seq);
create index payments_transfer_credit on payments_transfer (credit, seq);
create index payments_transfer_open on payments_transfer (expires) where phase = 'reserved';
create index payments_transfer_fee on payments_transfer (fee) where fee <> '';

-- Made from the batches: the requests that were answered, by day.
create table payments_key (
  day bigint not null,               -- days since 1970 in the country's calendar
  hash {bytes} not null,             -- of party and key
  currency text not null,
  seq bigint not null,               -- the row that is the answer
  primary key (day, hash)
) {clustered};

-- Made from the batches: what each participant sent and received in a window.
create table payments_position (
  currency text not null,
  place bigint not null,             -- the window
  participant text not null,
  sent_count bigint not null,
  sent bigint not null,
  received_count bigint not null,
  received bigint not null,
  primary key (currency, place, participant)
) {clustered};

-- Made from the batches: settlement windows.
create table payments_window (
  currency text not null,
  number bigint not null,
  first bigint not null,             -- first row
  last bigint not null,              -- row that cut it, 0 while it is open
  opened bigint not null,
  closed bigint not null,
  primary key (currency, number)
) {clustered};

-- The few accounts that are not customers', which every part of the tables needs.
create index payments_account_places on payments_account (currency, role) where role <> 'customer';
