-- +goose Up
-- Proposals to suspend an identity or to give it back, and what became of them.
-- One official proposes, another confirms; the person reads ground and note.
create table identity_suspension (
  id             {id} primary key,
  subject        text not null,
  act            text not null check (act in ('suspend', 'reinstate')),
  ground         text not null,             -- see suspension.go
  note           text not null,
  state          text not null check (state in ('proposed', 'confirmed', 'declined')),
  proposer       text not null,             -- the person; authority is the post's
  proposer_post  text not null,
  proposed       bigint not null,
  decider        text not null,             -- empty while it is proposed
  decider_post   text not null,
  decided        bigint not null
) {strict};
create index identity_suspension_subject on identity_suspension (subject, proposed);
create unique index identity_suspension_open on identity_suspension (subject) where state = 'proposed';
