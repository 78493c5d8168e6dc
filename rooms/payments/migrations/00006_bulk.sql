-- +goose Up

-- A file of payments to many people, of one program and one period.
create table payments_bulk (
  no bigint primary key,             -- 1, 2, 3 ...
  program text not null,             -- of the country pack
  office text not null,              -- whose program it is
  period text not null,              -- "2026-11": nobody is paid twice in a program's period
  source text not null,              -- csv, pain001, govstack, remainder
  name text not null,                -- the file's, as the maker's device called it
  digest {bytes} not null,           -- SHA-256 of its content
  account text not null,             -- which pays
  currency text not null,
  state text not null,               -- reading, uploaded, validating, validated, checked, released, paying, done, rejected, cancelled
  parent bigint not null,            -- the file whose remainder it is, or 0
  note text not null,                -- why it was rejected or cancelled
  lines bigint not null,             -- as read, equal to what the maker told
  total bigint not null,             -- minor units
  looked bigint not null,            -- lines that have been validated
  good bigint not null,              -- lines that can be paid
  good_total bigint not null,
  paid bigint not null,
  paid_total bigint not null,
  failed bigint not null,            -- lines that were good and could not be paid
  failed_total bigint not null,
  maker text not null,               -- persons; posts beside them
  maker_post text not null,
  checker text not null,
  checker_post text not null,
  releaser text not null,
  releaser_post text not null,
  uploaded bigint not null,          -- microseconds UTC; 0: not yet
  validated bigint not null,
  checked bigint not null,
  released bigint not null,
  started bigint not null,
  finished bigint not null
) {strict};
create index payments_bulk_office on payments_bulk (office, no);
create index payments_bulk_digest on payments_bulk (digest);

-- One payment of a file. id is the file's number times 2^24 plus the line, so
-- that the lines of a file stand together.
create table payments_bulk_line (
  id bigint primary key,
  state bigint not null,             -- 0 read, 1 good, 2 bad, 3 paid, 4 failed
  amount bigint not null,            -- minor units
  iban text not null,                -- as given, or ''
  alias_kind text not null,          -- mobile, number or '' for IBAN
  alias {bytes},                     -- keyed hash of the mobile or national number
  tail text not null,                -- its last digits, for the people who mend the file
  name text not null,                -- folded, to be compared; '' if not given
  reference text not null,           -- the program's own
  account text not null,             -- of the beneficiary, once found
  reason text not null,              -- ISO 20022, of bad and failed lines
  attempt bigint not null,           -- 0, then 1 in the first remainder
  at bigint not null                 -- when it was paid or refused
) {strict};

-- Who gets something from a program in a period: one line, whatever number of
-- files say so. The first to come has it.
create table payments_bulk_claim (
  account text not null,
  program text not null,
  period text not null,
  line bigint not null,
  primary key (account, program, period)
) {clustered};

-- Why lines of a file were not paid, counted as they are found.
create table payments_bulk_reason (
  no bigint not null,
  state bigint not null,             -- 2 bad, 4 failed
  reason text not null,
  lines bigint not null,
  total bigint not null,             -- minor units
  primary key (no, state, reason)
) {strict};
