-- +goose Up

-- What somebody asks a payer for (request to pay). A draft is one whose asker has
-- been shown the payer's name and has not said yet how much.
create table payments_request (
  id text primary key,
  party text not null,               -- whose key it is
  asked_key text not null,
  origin text not null,              -- wallet, api, rail
  reference text not null unique,    -- what people read out
  end_to_end text not null,          -- the asker's own number; may be empty
  state text not null,               -- draft, asked, paid, refused, expired, withdrawn
  urgency text not null,             -- now, later
  asker text not null,               -- holder of the account that is to receive
  credit text not null,
  payer text not null,               -- holder who is asked
  debit text not null,               -- account by which the payer was found
  amount bigint not null,
  currency text not null,
  purpose text not null,
  made bigint not null,
  expires bigint not null,
  changed bigint not null,
  reason text not null,              -- ISO 20022 ExternalStatusReason1Code of a refusal
  words text not null,               -- what the payer said with it
  transfer text not null,
  lookup text not null,              -- by which the payer was found
  unique (party, asked_key)
) {strict};
create index payments_request_payer on payments_request (payer, state, made);
create index payments_request_asker on payments_request (asker, state, made);
create index payments_request_transfer on payments_request (transfer) where transfer <> '';

-- A person's own limits, below those of the country. 0 is the country's. What is
-- raised waits in next_… until from_at.
create table payments_limit (
  holder text primary key,
  payment bigint not null,           -- minor units
  a_day bigint not null,             -- minor units
  count bigint not null,
  next_payment bigint not null,
  next_day bigint not null,
  next_count bigint not null,
  from_at bigint not null,           -- 0: nothing waits
  changed bigint not null
) {strict};

-- What a person has paid today, by payment. Kept for some days.
create table payments_spending (
  transfer text primary key,
  holder text not null,
  spent_on bigint not null,          -- days since 1 January 1970, in the country's zone
  amount bigint not null
) {strict};
create index payments_spending_holder on payments_spending (holder, spent_on);

-- A payer's complaint about a payment, and what became of it.
create table payments_dispute (
  id text primary key,
  reference text not null unique,
  transfer text not null,
  payer text not null,               -- holders
  payee text not null,
  debit text not null,               -- accounts
  credit text not null,
  amount bigint not null,            -- asked back, minor units
  currency text not null,
  reason text not null,
  words text not null,
  state text not null,               -- open, contested, unanswered, refunded, rejected, withdrawn
  opened bigint not null,
  answer_end bigint not null,
  answered bigint not null,
  answer_words text not null,
  decide_end bigint not null,        -- 0 while nothing is to be decided
  decided bigint not null,
  decider text not null,             -- pseudonym of the operator
  decision_words text not null,
  refund text not null               -- the payment that gave the money back
) {strict};
create unique index payments_dispute_stands on payments_dispute (transfer) where state <> 'withdrawn';
create index payments_dispute_payer on payments_dispute (payer, opened);
create index payments_dispute_payee on payments_dispute (payee, opened);
create index payments_dispute_state on payments_dispute (state, opened);
