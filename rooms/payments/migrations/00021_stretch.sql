-- +goose Up

-- What the ledger writes again and again stands in narrow lines of its own, so that
-- many go into a page. Made from the batches.
create table payments_balance (
  id text primary key references payments_account (id),
  balance bigint not null,           -- minor units, positive: owed to the holder
  held bigint not null               -- promised to open reservations
) {clustered} {roomy};
insert into payments_balance (id, balance, held) select id, balance, held from payments_account order by id;
alter table payments_account drop column balance;
alter table payments_account drop column held;

-- The transfers of an account are found by stretches of 65,536 rows of the ledger. What
-- is new goes into the last stretch alone, whose pages are in memory, however many
-- transfers there are; with one order for all of them each line would change a page
-- of its own somewhere.
drop index payments_transfer_debit;
drop index payments_transfer_credit;
create index payments_transfer_debit on payments_transfer ((seq >> 16), debit, seq);
create index payments_transfer_credit on payments_transfer ((seq >> 16), credit, seq);
-- The few postings that fund an account.
create index payments_transfer_in on payments_transfer (credit) where kind = 'post';
create index payments_transfer_out on payments_transfer (debit) where kind = 'post';

-- The requests that were answered, by stretch as well. Those of the last two days on
-- which there were any are taken over: older ones count no more.
create table payments_key_new (
  currency text not null,
  stretch bigint not null,           -- of the row
  hash {bytes} not null,             -- of party and key
  seq bigint not null,               -- the row that is the answer
  primary key (currency, stretch, hash)
) {clustered};
insert into payments_key_new (currency, stretch, hash, seq)
  select currency, seq >> 16, hash, seq from payments_key where day >= (select max(day) - 1 from payments_key) order by 1, 2, 3;
drop table payments_key;
alter table payments_key_new rename to payments_key;

-- Which keys 1,048,576 rows have: a Bloom filter of 2 MiB.
create table payments_key_filter (
  currency text not null,
  number bigint not null,            -- of the rows, shifted by 20 bits
  until bigint not null,             -- last day of its keys: days since 1970 in the country's calendar
  bits {bytes},                      -- null when that is long ago
  primary key (currency, number)
) {strict};
