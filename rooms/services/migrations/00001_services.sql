-- +goose Up
create table services_definition (
  hash text not null primary key,
  service text not null,
  body {bytes} not null,
  first_used bigint not null
) {strict};

create table services_application (
  id {id} not null primary key,
  ref text not null unique,
  service text not null,
  definition text not null references services_definition (hash),
  owner text not null,
  state text not null check (state in ('draft', 'submitted', 'paid', 'office', 'approved', 'refused', 'issued')),
  version bigint not null,
  content {bytes} not null,
  consent text not null check (consent in ('', 'yes', 'no')),
  created bigint not null,
  updated bigint not null,
  submitted bigint not null,
  fee text not null,
  fee_amount bigint not null,
  fee_expires bigint not null,
  fee_round bigint not null,
  paid bigint not null,
  file text not null,
  diary text not null,
  post text not null,
  due bigint not null,
  decided bigint not null,
  reason text not null,
  document text not null
) {strict};
create index services_application_owner on services_application (owner, updated, id);
create index services_application_fee on services_application (fee);
create index services_application_state on services_application (state, service);
create unique index services_application_draft on services_application (owner, service) where state = 'draft';

create table services_paper (
  id {id} not null primary key,
  application {id} not null references services_application (id),
  field text not null,
  name text not null,
  media_type text not null,
  size bigint not null,
  body {bytes} not null,
  at bigint not null,
  unique (application, field)
) {strict};

create table services_movement (
  application {id} not null references services_application (id),
  position bigint not null,
  post text not null,
  at bigint not null,
  primary key (application, position)
) {strict};

create table services_document (
  id {id} not null primary key,
  application {id} not null unique references services_application (id),
  owner text not null,
  service text not null,
  number text not null unique,
  token text not null unique,
  issued bigint not null,
  valid_until bigint not null,
  post text not null,
  digest text not null,
  pdf {bytes} not null,
  proof {bytes} not null,
  offer text not null,
  event text not null
) {strict};
create index services_document_owner on services_document (owner, issued, id);

create table services_notice (
  id {id} not null primary key,
  owner text not null,
  what text not null,
  service text not null,
  ref text not null,
  at bigint not null,
  seen bigint not null
) {strict};
create index services_notice_owner on services_notice (owner, at, id);
