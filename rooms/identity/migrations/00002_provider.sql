-- +goose Up
-- The sessions of the OpenID provider itself, apart from those of the window.
create table identity_session (
  id         text primary key,             -- SHA-256 of the cookie
  subject    text not null,
  method     text not null,                -- amr: hwk (passkey), otp (activation code)
  aal        bigint not null,
  signed_in  bigint not null,              -- auth_time
  expires    bigint not null,
  ended      bigint not null,
  house      text not null                 -- the window's session that came of it; ends with it
) {strict};
create index identity_session_house on identity_session (house);
create index identity_session_subject on identity_session (subject);

-- What a person agreed to, as it was put before them.
create table identity_consent (
  id        {id} primary key,
  subject   text not null,
  client    text not null,
  scopes    {json} not null,
  shown     text not null,                 -- SHA-256 of the sentences the person read
  lang      text not null,
  given     bigint not null,
  withdrawn bigint not null
) {strict};
create index identity_consent_subject on identity_consent (subject, client);

-- One authorisation: what a client may do for a person. Code and tokens hang on it.
create table identity_grant (
  id         {id} primary key,
  subject    text not null,
  client     text not null,
  scopes     {json} not null,
  request    {json} not null,              -- what the token answer needs: nonce, auth_time, redirect_uri, challenge
  offer      text not null,                -- the credential offer it was given for, or empty
  created    bigint not null,
  revoked    bigint not null,
  reason     text not null
) {strict};
create index identity_grant_subject on identity_grant (subject, client);

create table identity_code (
  id        text primary key,              -- SHA-256 of the code
  grant_id  {id} not null,
  expires   bigint not null,
  used      bigint not null
) {strict};

create table identity_token (
  id        text primary key,              -- SHA-256 of the access token
  grant_id  {id} not null,
  key       text not null,                 -- thumbprint of the DPoP key, or empty for a bearer token
  created   bigint not null,
  expires   bigint not null
) {strict};
create index identity_token_grant on identity_token (grant_id);
