-- +goose Up
create table identity_offer (
  id         {id} primary key,
  key        text not null unique,         -- the asking room's own key: one offer a key
  subject    text not null,
  type       text not null,
  claims     {json} not null,              -- what the credential will say; emptied once it is collected
  pin        text not null,                -- SHA-256 of offer id and transaction code, or empty
  tries      bigint not null,              -- wrong transaction codes so far
  link       text not null,                -- SHA-256 of the token in the present link, or empty
  code       text not null,                -- SHA-256 of the pre-authorised code, or empty
  link_until bigint not null,
  state      text not null check (state in ('open', 'collected', 'withdrawn')),
  created    bigint not null,
  collected  bigint not null
) {strict};
create index identity_offer_subject on identity_offer (subject, created);
create index identity_offer_link on identity_offer (link);
create index identity_offer_code on identity_offer (code);

create table identity_list (
  id       bigint primary key,             -- 1, 2, 3 ...: its place in /credentials/status/{n}
  size     bigint not null,
  filled   bigint not null,
  changed  bigint not null
) {strict};

create table identity_credential (
  id        {id} primary key,
  offer     {id} not null,
  subject   text not null,
  type      text not null,
  list      bigint not null,
  idx       bigint not null,
  issued    bigint not null,
  expires   bigint not null,
  status    bigint not null,               -- Token Status List section 7.1: 0 valid, 1 invalid, 2 suspended
  changed   bigint not null,
  reason    text not null,
  unique (list, idx)
) {strict};
create index identity_credential_subject on identity_credential (subject, issued);
create index identity_credential_offer on identity_credential (offer);
