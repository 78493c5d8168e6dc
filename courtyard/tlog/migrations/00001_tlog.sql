-- +goose Up
create table tlog_state (
  id       text primary key,
  size     bigint not null,    -- leaves appended
  frontier {bytes} not null,   -- roots of the perfect subtrees of that tree, largest first, 32 bytes each
  root     {bytes} not null
) {strict};

create table tlog_leaf (
  idx      bigint primary key, -- the event's position minus one
  previous bigint not null,    -- index of the subject's leaf before this one, -1 if this is its first
  data     {bytes} not null,   -- the entry as published
  hash     {bytes} not null    -- RFC 6962 leaf hash
) {strict};

-- The hashes of tiles above level 0: each is the root of a full tile below.
create table tlog_node (
  level bigint not null,
  idx   bigint not null,
  hash  {bytes} not null,
  primary key (level, idx)
) {strict};

create table tlog_subject (
  subject text primary key,
  last    bigint not null      -- index of its youngest leaf
) {strict};

create table tlog_checkpoint (
  size bigint primary key,
  root {bytes} not null,
  note {bytes} not null,       -- the signed checkpoint as published
  at   bigint not null
) {strict};
