-- +goose Up

-- Until now only demonstrations had aliases: they are made again.
drop table payments_alias;

-- The directory: which account a mobile number or a national number leads to.
-- The number itself is nowhere: mac is a keyed hash of it.
create table payments_alias (
  kind text not null,                -- mobile, number
  mac {bytes} not null,
  id text not null unique,           -- by which everybody else names it
  account text not null,
  participant text not null,         -- that keeps the account
  holder text not null,              -- the person's pseudonym
  holder_kind text not null,         -- natural, legal
  state text not null,               -- active, claimed
  tail text not null,                -- the last two digits, for the holder's own page; '' of a national number
  since bigint not null,             -- it is the holder's
  placed bigint not null,            -- it leads to this account
  cid {bytes} not null,              -- content id
  calm_until bigint not null,        -- end of the cool-off, 0: none
  calm_why text not null,            -- claim, sim, or ''
  calm_received bigint not null,     -- minor units received by it during the cool-off
  primary key (kind, mac)
) {strict};
create index payments_alias_holder on payments_alias (holder, kind);
create index payments_alias_account on payments_alias (account);
create index payments_alias_participant on payments_alias (participant, kind, cid);

-- The cool-off of a number that is not in the directory now: taking it out and
-- linking it again does not end it.
create table payments_calm (
  alias text primary key,
  until bigint not null,
  why text not null,
  received bigint not null
) {strict};

-- A one-time code sent to a mobile number. The code is not here: it is made
-- again from the id with the directory's key.
create table payments_proof (
  id text primary key,
  subject text not null,
  purpose text not null,             -- link, keep, complete
  kind text not null,
  mac {bytes} not null,
  tail text not null,
  account text not null,             -- to link: where it shall lead
  claim text not null,               -- to keep and to complete
  tries bigint not null,
  made bigint not null,
  expires bigint not null,
  used bigint not null               -- 0: not yet
) {strict};
create index payments_proof_expires on payments_proof (expires);

create table payments_claim (
  id text primary key,
  type text not null,                -- portability, ownership
  kind text not null,
  mac {bytes} not null,
  tail text not null,
  state text not null,               -- open, waiting, confirmed, refused, cancelled, completed
  reason text not null,              -- of the last step: user-requested, account-closure, fraud, default-operation, ''
  by_side text not null,             -- who took the last step: claimer, donor, rail
  claimer text not null,             -- person
  claimer_participant text not null,
  claimer_account text not null,
  donor text not null,
  donor_participant text not null,
  donor_account text not null,
  owned bigint not null,             -- since when it was the donor's
  opened bigint not null,
  changed bigint not null,
  receipt_end bigint not null,       -- until then the donor's participant acknowledges
  resolution_end bigint not null,
  completion_end bigint not null
) {strict};
create unique index payments_claim_open on payments_claim (kind, mac) where state in ('open', 'waiting', 'confirmed');
create index payments_claim_claimer on payments_claim (claimer, opened);
create index payments_claim_donor on payments_claim (donor, opened);
create index payments_claim_changed on payments_claim (changed, id);

-- The content ids of a participant's aliases of a kind, all in one number: the
-- exclusive or of all of them. Its row is the lock that numbers the events.
create table payments_cid_set (
  participant text not null,
  kind text not null,
  vsync {bytes} not null,
  size bigint not null,
  seq bigint not null,               -- of the last event
  changed bigint not null,
  primary key (participant, kind)
) {strict};

create table payments_cid_event (
  participant text not null,
  kind text not null,
  seq bigint not null,               -- 1, 2, 3 ... for a participant and kind
  operation text not null,           -- added, removed
  cid {bytes} not null,
  at bigint not null,
  primary key (participant, kind, seq)
) {strict};

-- Token buckets. Of whom and by which policy; how full when last looked at.
create table payments_bucket (
  policy text not null,
  scope text not null,
  tokens bigint not null,            -- may be below zero: a debt
  counted bigint not null,           -- until then the tokens that come back are in
  primary key (policy, scope)
) {strict};
create index payments_bucket_empty on payments_bucket (policy, counted) where tokens <= 0;
create index payments_bucket_counted on payments_bucket (counted);

-- Who asked for which name. Kept for two days; what a payment followed as long as
-- that payment can be reported.
create table payments_lookup (
  id text primary key,
  scope text not null,               -- whose bucket paid
  participant text not null,         -- that asked for a customer, or ''
  asker text not null,               -- who may use it: actor
  alias text not null,               -- id, or '' for an account number
  account text not null,             -- '' when there was none
  personal boolean not null,         -- the name of a person was shown
  at bigint not null,
  expires bigint not null,
  used_by text not null,             -- the order or reservation that follows, or ''
  returned boolean not null          -- its token came back
) {strict};
create index payments_lookup_scope on payments_lookup (scope, at);
create index payments_lookup_used on payments_lookup (used_by) where used_by <> '';
create index payments_lookup_at on payments_lookup (at);
create index payments_lookup_unused on payments_lookup (at) where used_by = '';

-- Reports of fraud, shared between the two participants of a payment.
create table payments_mark (
  id text primary key,
  transfer text not null,
  reason text not null,              -- scam, takeover, coercion, mule, other
  details text not null,             -- for the other participant and the operator only
  state text not null,               -- open, acknowledged, closed, cancelled
  outcome text not null,             -- agreed, disagreed, or ''
  analysis text not null,            -- of the other participant, as details
  reporter text not null,            -- participants
  counterpart text not null,
  account text not null,             -- that received the money
  holder text not null,
  alias text not null,               -- by which it was found, or ''
  opened bigint not null,
  changed bigint not null
) {strict};
create unique index payments_mark_transfer on payments_mark (transfer) where state <> 'cancelled';
create index payments_mark_account on payments_mark (account, opened);
create index payments_mark_holder on payments_mark (holder, opened);
create index payments_mark_alias on payments_mark (alias, opened) where alias <> '';
create index payments_mark_changed on payments_mark (changed, id);

-- The class of a participant's anti-scan bucket, A to F; '' is that of its kind.
alter table payments_participant add column directory_class text not null default '';
