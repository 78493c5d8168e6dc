-- +goose Up
-- Applications for an identity. What the applicant says is one sealed document
-- while it is being written and after; the columns beside it are what duplicates
-- are looked for by, and are filled when it is sent.
create table identity_application (
  id            {id} primary key,
  reference     text not null unique,      -- what the applicant reads out
  code          text not null,             -- SHA-256 of the code to come back with
  visitor       text not null,             -- the browser it is open in, or empty
  state         text not null check (state in ('draft', 'submitted', 'issued', 'refused')),
  answers       {bytes} not null,          -- sealed JSON
  photo         {bytes},                   -- sealed JPEG
  number_index  text not null,             -- keyed hash of the national number; empty in a draft
  birth         text not null,             -- YYYY-MM-DD; empty in a draft
  district      text not null,
  subject       text not null,             -- the person's pseudonym once issued
  created       bigint not null,
  changed       bigint not null,
  submitted     bigint not null            -- 0 in a draft
) {strict};
create index identity_application_state on identity_application (state, submitted);
create index identity_application_number on identity_application (number_index);
create index identity_application_birth on identity_application (birth);

-- People the applicant resembles, found when the application was sent.
create table identity_likeness (
  application  {id} not null,
  kind         text not null check (kind in ('person', 'application')),
  other        text not null,              -- subject, or id of the other application
  score        bigint not null,            -- 0 to 100
  reasons      {json} not null,            -- message keys
  primary key (application, kind, other)
) {strict};

-- What officials decided. Two different people must agree.
create table identity_adjudication (
  application  {id} not null,
  official     text not null,              -- the person; authority is the post's
  post         text not null,
  outcome      text not null check (outcome in ('approved', 'refused')),
  reason       text not null,
  at           bigint not null,
  primary key (application, official)
) {strict};
