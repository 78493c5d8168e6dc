-- +goose Up
-- People who are compared with each other, counted: those born on a day
-- ("birth/1994-03-12") and the applications under a national number
-- ("number/<keyed hash>"). Whoever enters one holds its row until the update
-- ends, so that entries are numbered in the order in which they became true.
create table identity_cohort (
  id       text primary key,
  entered  bigint not null
) {strict};

-- A person's number in the cohort of the birthday: a check for duplicates that
-- ran beside the update looks again at the higher numbers only.
alter table identity_person add column cohort bigint not null default 0;
create index identity_person_cohort on identity_person (birth, cohort);
drop index identity_person_birth;
