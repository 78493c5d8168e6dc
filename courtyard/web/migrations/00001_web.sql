-- +goose Up
create table web_session (
  id         {id} not null primary key,
  token      text not null unique,      -- SHA-256 of the cookie's token, hex; the token itself is nowhere
  visitor    text not null,             -- stays the same when an anonymous visitor signs in
  person     text not null,             -- pseudonym; '' for an anonymous session
  kind       text not null,             -- citizen, official
  post       text not null,             -- the post acted in; '' for none
  method     text not null,             -- how the person signed in: passkey, demo ...
  aal        bigint not null,           -- authentication assurance level
  created    bigint not null,
  signed_in  bigint not null,           -- 0 for an anonymous session
  seen       bigint not null,           -- last request, to the minute
  expires    bigint not null            -- absolute end
) {strict};
create index web_session_expires on web_session (expires);
create index web_session_person on web_session (person);
