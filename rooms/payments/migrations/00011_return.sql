-- +goose Up

-- Money of a committed payment that went back, or was asked to go back. Each is a
-- transfer of its own in the ledger; whether it came about is that transfer's phase.
create table payments_return (
  id text primary key,               -- the transfer that takes the money back
  original text not null,            -- the payment it was
  party text not null,               -- who asked
  key text not null,                 -- by what they know it
  payload {bytes} not null,          -- hash of what was asked
  amount bigint not null,
  reason text not null,              -- ISO 20022 ExternalReturnReason1Code
  made bigint not null
) {strict};
create unique index payments_return_key on payments_return (party, key);
create index payments_return_original on payments_return (original);

-- A payer's participant asks for money back (camt.056); the payee's participant
-- answers (camt.029) and, when it agrees, returns the money.
create table payments_recall (
  id text primary key,
  party text not null,               -- participant that asks
  reference text not null,           -- of the assignment, by that participant
  payload {bytes} not null,          -- hash of what was asked
  original text not null,            -- the payment
  keeper text not null,              -- participant that has the money
  amount bigint not null,
  reason text not null,              -- ISO 20022 ExternalCancellationReason1Code
  state text not null,               -- open, accepted, refused, returned, over
  answer text not null,              -- ISO 20022 reason of a refusal, or ''
  asked bigint not null,
  due bigint not null,               -- until when the keeper has to answer
  handed bigint not null,            -- when the keeper had it, 0 before
  answered bigint not null,          -- 0 while open
  told bigint not null,              -- when the asker had the answer, 0 before
  document {bytes} not null          -- the camt.056 as it was signed, for whoever forwards it
) {strict};
create unique index payments_recall_reference on payments_recall (party, reference);
create index payments_recall_original on payments_recall (original);
create index payments_recall_due on payments_recall (due) where state in ('open', 'accepted');
