-- +goose Up
-- The register of persons. The national number and the photograph are sealed;
-- the number is found by a keyed hash only.
create table identity_person (
  id            {id} primary key,
  subject       text not null unique,      -- the person's pseudonym in the house
  number_index  text not null unique,      -- keyed hash of the national number
  number_sealed {bytes} not null,
  photo_sealed  {bytes},
  photo_type    text not null,             -- media type of the photograph, or empty
  name_en       text not null,
  name_ur       text not null,
  father_en     text not null,
  father_ur     text not null,
  birth         text not null,             -- YYYY-MM-DD
  sex           text not null check (sex in ('female', 'male', 'other')),
  district      text not null,             -- id of the country pack
  district_en   text not null,
  district_ur   text not null,
  address_en    text not null,
  address_ur    text not null,
  phone         text not null,             -- E.164 or empty
  state         text not null check (state in ('active', 'suspended', 'ended')),
  source        text not null,             -- where the facts come from: seed, enrolment
  created       bigint not null,
  changed       bigint not null
) {strict};
create index identity_person_birth on identity_person (birth);

-- Every read of somebody's data. Never changed, never deleted before its time.
create table identity_access (
  id       {id} primary key,
  subject  text not null,
  at       bigint not null,
  actor    text not null,                  -- gate.Principal.Actor()
  purpose  text not null,
  basis    text not null,                  -- the law or consent it rests on
  facts    {json} not null                 -- names of the facts, never their values
) {strict};
create index identity_access_subject on identity_access (subject, at);

-- One-time codes that let a newly registered person in for the first time.
create table identity_activation (
  code     text primary key,               -- SHA-256 of the code
  subject  text not null,
  created  bigint not null,
  expires  bigint not null,
  used     bigint not null                 -- 0 while it is not
) {strict};
create index identity_activation_subject on identity_activation (subject);

create table identity_handle (
  subject  text primary key,
  handle   text not null unique            -- random WebAuthn user handle, base64url
) {strict};

create table identity_passkey (
  id        text primary key,              -- credential id, base64url
  subject   text not null,
  record    {json} not null,               -- the credential as the WebAuthn library keeps it
  label     text not null,
  eligible  bigint not null,               -- backup eligible at registration: 0 or 1
  backed    bigint not null,               -- backed up when last seen: 0 or 1
  created   bigint not null,
  used      bigint not null
) {strict};
create index identity_passkey_subject on identity_passkey (subject);

-- Ceremonies under way: WebAuthn challenges, sign-ins, consents, pushed requests.
create table identity_pending (
  id       text primary key,               -- SHA-256 of the token the browser or client holds
  kind     text not null,
  data     {json} not null,
  expires  bigint not null
) {strict};
create index identity_pending_expires on identity_pending (expires);

-- What may be used once only: nonces, DPoP and assertion jti.
create table identity_spent (
  id       text primary key,               -- SHA-256 of kind and value
  expires  bigint not null
) {strict};
create index identity_spent_expires on identity_spent (expires);

-- Failed sign-ins by keyed hash of where they came from, a row a window.
create table identity_attempt (
  source   text not null,
  hour     bigint not null,                -- hours since 1970
  failed   bigint not null,
  latest   bigint not null,
  primary key (source, hour)
) {strict};
