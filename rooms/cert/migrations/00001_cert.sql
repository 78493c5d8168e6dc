-- +goose Up
create table cert_signal (
  event  {id} primary key,
  rule   text not null,
  source text not null,
  at     bigint not null
) {strict};
create index cert_signal_window on cert_signal (rule, source, at);
create index cert_signal_age on cert_signal (rule, at);

create table cert_alert (
  id        {id} primary key,
  rule      text not null,
  source    text not null,
  severity  text not null,
  state     text not null check (state in ('raised', 'incident', 'dismissed')),
  events    bigint not null,   -- counted in this burst so far
  announced bigint not null,   -- the count that was last written as an event
  first     bigint not null,
  latest    bigint not null,
  raised    bigint not null,
  incident  text not null,     -- '' until one is opened
  decided   bigint not null,   -- 0 until an analyst took it up or dismissed it
  post      text not null,     -- the post that did
  reason    text not null      -- why it was dismissed
) {strict};
create index cert_alert_burst on cert_alert (rule, source, latest);
create index cert_alert_state on cert_alert (state, raised);

create table cert_number (
  year bigint primary key,
  last bigint not null
) {strict};

create table cert_incident (
  id        {id} primary key,
  number    text not null unique,
  alert     {id} not null unique,
  title     text not null,
  severity  text not null check (severity in ('low', 'medium', 'high', 'critical')),
  state     text not null check (state in ('open', 'closed')),
  outcome   text not null,
  post      text not null,     -- the post that opened it
  began     bigint not null,   -- when the clock of the law began
  opened    bigint not null,
  due       bigint not null,
  reported  bigint not null,   -- 0 until the report was sent
  overdue   bigint not null,   -- 0 unless the timer found no report
  closed    bigint not null
) {strict};
create index cert_incident_state on cert_incident (state, due);

create table cert_entry (
  incident {id} not null,
  n        bigint not null,    -- 1, 2, 3 ... within the incident
  kind     text not null check (kind in ('opened', 'note', 'reported', 'overdue', 'closed')),
  post     text not null,      -- '' for the house itself
  body     text not null,
  at       bigint not null,
  primary key (incident, n)
) {strict};
