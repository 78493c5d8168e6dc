-- +goose Up

-- Banks and wallets that take part in the rail.
create table payments_participant (
  id text primary key,
  kind text not null,                -- bank, wallet
  bic text not null unique,          -- ISO 9362
  code text not null unique,         -- bank code inside the IBAN
  name_en text not null,
  name_ur text not null,
  suspended boolean not null,
  opened bigint not null             -- microseconds UTC, as all times
) {strict};

-- One line a currency: the number and hash of the last row. Whoever holds this
-- row's lock decides what happens next in the currency.
create table payments_book (
  currency text primary key,
  seq bigint not null,
  head {bytes} not null
) {strict};

create table payments_account (
  id text primary key,
  book text not null,                -- "rail" or the participant's id
  role text not null,                -- issuing, settlement, own, customer
  kind text not null,                -- rail, participant, person, merchant, government, agent
  holder text not null,              -- participant, person's pseudonym, merchant or office
  currency text not null,
  iban text unique,                  -- ISO 13616; customers' accounts only
  name_en text not null,
  name_ur text not null,
  category text not null,            -- ISO 18245, merchants and offices
  city_en text not null,
  city_ur text not null,
  balance bigint not null,           -- minor units, positive: owed to the holder
  held bigint not null,              -- promised to open reservations
  floor bigint not null,
  bottomless boolean not null,
  blocked boolean not null,
  closed boolean not null,
  opened bigint not null
) {strict};
create index payments_account_holder on payments_account (holder, opened);
create index payments_account_book on payments_account (book, role);

create table payments_transfer (
  id text primary key,
  reference text not null unique,    -- what people read out
  currency text not null,
  debit text not null,
  credit text not null,
  amount bigint not null,
  phase text not null,               -- reserved, committed, aborted, expired, refused
  reason text not null,              -- ISO 20022 reason of a refusal or an end, or ''
  expires bigint not null,
  reserved bigint not null,
  finished bigint not null,          -- 0 while reserved
  purpose text not null,             -- for the two parties
  fee text not null,                 -- the fee or sale it pays, or ''
  event text not null                -- event of its commit, for the receipt
) {strict};
create index payments_transfer_open on payments_transfer (phase, expires);

-- The ledger: rows are written once and never changed.
create table payments_row (
  currency text not null,
  seq bigint not null,
  kind text not null,                -- RESERVE, COMMIT, ABORT, EXPIRE, POST
  transfer text not null,
  day text not null,                 -- of the key, in the country's calendar
  party text not null,
  request text not null,             -- the party's idempotency key, or ''
  payload {bytes} not null,          -- hash of what was asked
  reason text not null,
  debit text not null,
  credit text not null,
  amount bigint not null,
  at bigint not null,
  hash {bytes} not null,             -- over the row before and this one
  primary key (currency, seq)
) {strict};
create unique index payments_row_request on payments_row (day, party, request) where request <> '';
create index payments_row_transfer on payments_row (transfer);

create table payments_entry (
  currency text not null,
  seq bigint not null,
  line bigint not null,
  book text not null,
  account text not null,
  amount bigint not null,            -- minor units, signed
  primary key (currency, seq, line)
) {strict};
create index payments_entry_account on payments_entry (account, seq);

-- The directory: a mobile number or national number as a keyed hash.
create table payments_alias (
  kind text not null,                -- mobile, number
  mac {bytes} not null,
  account text not null,
  since bigint not null,
  primary key (kind, mac)
) {strict};

-- What a dynamic code asks for: a fee asked by another room, or a sale at a till.
create table payments_fee (
  id text primary key,
  origin text not null,              -- service, till
  asked_key text not null,           -- the asker's key: once only
  reference text not null unique,    -- bill number in the code
  subject text not null,             -- who is asked, or '' (anybody at a till)
  payee text not null,
  account text not null,
  amount bigint not null,
  currency text not null,
  purpose text not null,
  phase text not null,               -- asked, paid
  asked bigint not null,
  expires bigint not null,
  transfer text not null,            -- the one that paid it, or ''
  paid bigint not null,
  unique (origin, asked_key)
) {strict};
create index payments_fee_account on payments_fee (account, asked);

-- A payment somebody is about to confirm; its id is the idempotency key.
create table payments_order (
  id text primary key,
  subject text not null,
  debit text not null,
  credit text not null,
  amount bigint not null,            -- 0: the payer says
  currency text not null,
  purpose text not null,
  fee text not null,
  checked boolean not null,          -- the code's signature was ours and held
  created bigint not null,
  expires bigint not null,
  transfer text not null
) {strict};
create index payments_order_subject on payments_order (subject, created);
