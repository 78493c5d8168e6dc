-- +goose Up
-- An outcome kept under a key, so that a request sent twice is done once.
create table store_once (
    scope   text not null,
    key     text not null,
    digest  {bytes} not null,
    outcome {bytes},
    at      bigint not null,
    primary key (scope, key)
) {strict};
create index store_once_at on store_once (at);

-- Who does what only one process may do.
create table store_lease (
    name    text primary key,
    node    text not null,
    holder  text not null,
    epoch   bigint not null,
    expires bigint not null
) {strict};

-- Every event that has happened, in order. store writes it, journal reads it.
create table journal_event (
    position bigint primary key,
    id       {id} not null unique,
    type     text not null,
    version  bigint not null,
    subject  text not null,
    actor    text not null,
    at       bigint not null,
    payload  {json},
    opening  {bytes}
) {strict};

-- Events that are committed and have no position yet.
create table journal_outbox (
    id      {id} primary key,
    emitted bigint not null,
    ord     bigint not null,
    type    text not null,
    version bigint not null,
    subject text not null,
    actor   text not null,
    at      bigint not null,
    payload {json},
    opening {bytes}
) {strict};
create index journal_outbox_order on journal_outbox (emitted, ord);

-- The last position given.
create table journal_head (
    name     text primary key,
    position bigint not null
) {strict};
insert into journal_head (name, position) values ('head', 0);
