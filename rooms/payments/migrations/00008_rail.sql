-- +goose Up

-- A participant that is connected keeps its customers' accounts itself and takes
-- part in the rail by messages; the house keeps one account for all of its customers.
alter table payments_participant add column connected boolean not null default false;
alter table payments_participant add column endpoint text not null default ''; -- where it takes messages
alter table payments_participant add column heard bigint not null default 0;   -- its last answer in time
alter table payments_participant add column failed bigint not null default 0;  -- its last answer that did not come

-- What a participant's programs show (tls) and sign with (sign). Handed over when
-- it was admitted; nothing else is believed.
create table payments_certificate (
  fingerprint {bytes} primary key,   -- SHA-256
  participant text not null,
  purpose text not null,             -- tls, sign
  der {bytes} not null,
  added bigint not null,
  revoked bigint not null            -- 0: in force
) {strict};
create index payments_certificate_participant on payments_certificate (participant);
