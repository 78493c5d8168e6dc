-- +goose Up

-- A payment between two participants that was booked on their position accounts.
alter table payments_transfer add column net boolean not null default false;

-- Whether a window is a net one.
alter table payments_window add column net boolean not null default false;

-- Received less sent of what was booked on position accounts: what the cut of the
-- window makes the participant's due.
alter table payments_position add column due bigint not null default 0;

-- Where a participant stands in a net window, and what it owes or is owed for
-- those that were cut.
insert into payments_account (id, book, role, kind, holder, currency, name_en, name_ur, category, city_en, city_ur, balance, held, floor, bottomless, blocked, closed, opened)
  select 'position-' || holder || '-' || currency, book, 'position', kind, holder, currency, name_en, name_ur, category, city_en, city_ur, 0, 0, 0, true, false, false, opened
  from payments_account where role = 'settlement';
insert into payments_account (id, book, role, kind, holder, currency, name_en, name_ur, category, city_en, city_ur, balance, held, floor, bottomless, blocked, closed, opened)
  select 'obligation-' || holder || '-' || currency, book, 'obligation', kind, holder, currency, name_en, name_ur, category, city_en, city_ur, 0, 0, 0, true, false, false, opened
  from payments_account where role = 'settlement';

-- How a currency is settled: data, first from the country's pack, then as the
-- operator says.
create table payments_scheme (
  currency text primary key,
  model text not null,               -- gross, net: of windows that begin from now on
  cuts text not null,                -- times of day in the country's zone, "11:00 16:00"; may be empty
  days text not null,                -- all, working
  alerts text not null               -- per cent of what a participant may use, "70 90"
) {strict};

-- The final report of a window that was cut, made from the batches.
create table payments_settlement (
  currency text not null,
  place bigint not null,             -- the window
  net boolean not null,
  state text not null,               -- settled, unsettled
  payments bigint not null,
  gross bigint not null,             -- sum of payments between participants
  reported bigint not null,
  settled bigint not null,           -- 0 while unsettled
  tries bigint not null,
  primary key (currency, place)
) {clustered};

create table payments_settlement_line (
  currency text not null,
  place bigint not null,
  participant text not null,
  sent_count bigint not null,
  sent bigint not null,
  received_count bigint not null,
  received bigint not null,
  due bigint not null,               -- to be settled: above zero the participant receives
  opening bigint not null,           -- of the settlement account, before the window's first row
  closing bigint not null,           -- after its last row
  missing bigint not null,           -- what the settlement account lacked at the last try
  primary key (currency, place, participant)
) {clustered};

-- Money put into settlement accounts and taken out: one asks, another approves.
create table payments_fund (
  id text primary key,
  currency text not null,
  participant text not null,
  direction text not null,           -- in, out
  amount bigint not null,
  reason text not null,
  state text not null,               -- asked, done, refused
  maker text not null,               -- pseudonyms of persons
  checker text not null,
  made bigint not null,
  decided bigint not null,
  why text not null                  -- ISO 20022 reason of the ledger's refusal, or ''
) {strict};
create index payments_fund_made on payments_fund (currency, made);

-- Participants who have used more than a threshold of what they may.
create table payments_alert (
  currency text not null,
  participant text not null,
  threshold bigint not null,         -- per cent
  since bigint not null,
  primary key (currency, participant, threshold)
) {clustered};
