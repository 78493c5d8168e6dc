-- +goose Up
create table observatory_total (
  indicator text not null primary key,
  n bigint not null,
  good bigint not null,
  value bigint not null
) {strict};

create table observatory_bucket (
  indicator text not null,
  minute bigint not null,
  n bigint not null,
  good bigint not null,
  value bigint not null,
  primary key (indicator, minute)
) {strict};

create table observatory_row (
  indicator text not null,
  key text not null,
  at bigint not null,
  position bigint not null,
  reference text not null,
  place text not null,
  value bigint not null,
  due bigint,
  ended bigint,
  took bigint,
  good boolean,
  primary key (indicator, key)
) {strict};
create index observatory_row_at on observatory_row (indicator, at, key);
create index observatory_row_ended on observatory_row (indicator, ended);

create table observatory_service (
  service text not null primary key,
  since bigint not null,
  until bigint,
  applications bigint not null
) {strict};

create table observatory_told (
  name text not null primary key,
  at bigint not null
) {strict};
