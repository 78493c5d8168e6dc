CREATE TABLE journal_event (
    position integer primary key,
    id       text not null unique,
    type     text not null,
    version  integer not null,
    subject  text not null,
    actor    text not null,
    at       integer not null,
    payload  text,
    opening  blob
) strict;

CREATE TABLE journal_head (
    name     text primary key,
    position integer not null
) strict;

CREATE TABLE journal_outbox (
    id      text primary key,
    emitted integer not null,
    ord     integer not null,
    type    text not null,
    version integer not null,
    subject text not null,
    actor   text not null,
    at      integer not null,
    payload text,
    opening blob
) strict;

CREATE INDEX journal_outbox_order on journal_outbox (emitted, ord);

CREATE TABLE store_lease (
    name    text primary key,
    node    text not null,
    holder  text not null,
    epoch   integer not null,
    expires integer not null
) strict;

CREATE TABLE store_once (
    scope   text not null,
    key     text not null,
    digest  blob not null,
    outcome blob,
    at      integer not null,
    primary key (scope, key)
) strict;

CREATE INDEX store_once_at on store_once (at);

