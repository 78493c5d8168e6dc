-- +goose Up

-- Accounts of connected participants' customers that these participants have told the
-- directory of. They are in no book of the ledger: money for them moves on the
-- account of all customers of the participant.
create table payments_outside (
  id text primary key,               -- 'outside-' and the id of the account number's entry in payments_alias
  participant text not null,         -- that keeps the account
  holder text not null,              -- a keyed hash of the holder's national number, or the account itself
  kind text not null,                -- person, merchant
  currency text not null,
  iban text not null unique,
  name_en text not null,
  name_ur text not null,
  opened bigint not null             -- the directory knows it
) {strict};

-- Whom at a connected participant an order or a payment of a customer of the house
-- pays, as the payer was told; without names when the account is not in the directory.
create table payments_outward (
  payment text primary key,          -- order, then transfer
  account text not null,             -- in payments_outside, or ''
  holder text not null,
  kind text not null,                -- person, merchant, or participant: no name is known
  iban text not null,
  name_en text not null,
  name_ur text not null
) {strict};

-- The account number that a lookup at a connected participant found.
alter table payments_lookup add column iban text not null default '';
