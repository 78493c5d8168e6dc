-- +goose Up

-- Bulk transfers: many transfers from one payer's participant to one payee's, asked for
-- and answered together. The single transfers are lines of payments_hub_transfer.
create table payments_hub_bulk (
  id text primary key,               -- bulkTransferId, the payer's choice
  hash {bytes} not null,             -- of what the payer asked for
  payer text not null,
  payee text not null,
  expires bigint not null,
  state text not null,               -- RECEIVED, ACCEPTED when the payee has it, PROCESSING when it is answered or over, COMPLETED, REJECTED
  outcome text not null,             -- the state in which it will end, from PROCESSING on; or ''
  code text not null,                -- FSPIOP error code when it came to nothing as a whole, or ''
  reason text not null,              -- its description
  request {bytes} not null,          -- as it came, until the payee has it
  answer {bytes} not null,           -- hash of the payee's answer; empty before it
  accept text not null,              -- version of messages about it
  changed bigint not null,           -- state, last
  completed bigint not null,         -- 0 while open
  created bigint not null
) {strict};
create index payments_hub_bulk_open on payments_hub_bulk (state, expires);

alter table payments_hub_transfer add column bulk text not null default '';          -- bulkTransferId, or ''
alter table payments_hub_transfer add column place bigint not null default 0;        -- in the bulk transfer, from 0
alter table payments_hub_transfer add column sent bigint not null default 0;         -- 1: part of what the payee was asked for
create index payments_hub_transfer_bulk on payments_hub_transfer (bulk, place) where bulk <> '';
