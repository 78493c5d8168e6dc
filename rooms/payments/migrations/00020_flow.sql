-- +goose Up

-- What moved on the government's own accounts, by day and by what it was for. Made
-- from payments_transfer and can be made anew: delete from both.
create table payments_flow (
  account text not null,
  side text not null,                -- in, out
  day bigint not null,               -- days since 1 January 1970, in the country's zone
  cause text not null,               -- fee, support, return, fund, payment
  what text not null,                -- the service or the programme and period, in both languages; or ''
  count bigint not null,
  total bigint not null,             -- minor units
  primary key (account, side, day, cause, what)
) {clustered};

-- How far it is made, and the sums so far: what came in less what went out is the
-- account's balance.
create table payments_flow_mark (
  account text not null,
  side text not null,
  seq bigint not null,               -- row of the ledger up to which transfers are counted
  total bigint not null,             -- minor units
  primary key (account, side)
) {strict};

-- What the services say was paid to an account since a day.
create index payments_fee_paid on payments_fee (account, paid, amount) where paid > 0;
-- Files that wait or are being paid.
create index payments_bulk_open on payments_bulk (no) where state not in ('reading', 'done', 'rejected', 'cancelled');
