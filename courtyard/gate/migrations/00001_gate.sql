-- +goose Up
create table gate_bundle (
  hash text not null primary key,
  at bigint not null,
  sources text not null
) {strict};

create table gate_decision (
  id {id} not null primary key,
  at bigint not null,
  actor text not null,
  person text not null,
  kind text not null,
  action text not null,
  resource_type text not null,
  resource_id text not null,
  allowed boolean not null,
  policies text not null,
  reasons text not null,
  errors text not null,
  bundle text not null
) {strict};
create index gate_decision_actor on gate_decision (actor, at, id);
create index gate_decision_resource on gate_decision (resource_type, resource_id, at, id);
create index gate_decision_at on gate_decision (at, id);

create table gate_charge (
  id {id} not null primary key,
  post text not null,
  person text not null,
  kind text not null check (kind in ('permanent', 'additional', 'look-after')),
  held_from bigint not null,
  held_to bigint,
  given_by text not null,
  check (held_to is null or held_to >= held_from)
) {strict};
create index gate_charge_person on gate_charge (person);
create index gate_charge_post on gate_charge (post);

create table gate_membership (
  id {id} not null primary key,
  organisation text not null,
  person text not null,
  role text not null,
  held_from bigint not null,
  held_to bigint,
  given_by text not null,
  check (held_to is null or held_to >= held_from)
) {strict};
create index gate_membership_person on gate_membership (person);
create index gate_membership_organisation on gate_membership (organisation);
