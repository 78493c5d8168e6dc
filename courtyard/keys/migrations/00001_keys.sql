-- +goose Up
create table keys_ring (
  id          text primary key,
  version     bigint not null,   -- grows with every change, so that a cache can ask cheaply whether it is stale
  fingerprint text not null,     -- of the master key; one way
  proof       {bytes} not null   -- a known text sealed by the master key
) {strict};

create table keys_key (
  id        {id} primary key,
  purpose   text not null,
  version   bigint not null,     -- 1, 2, 3 ... within the purpose
  alg       text not null,
  state     text not null check (state in ('next', 'active', 'retired', 'revoked')),
  provider  text not null,
  material  {bytes} not null,    -- the provider's handle, sealed by the master key
  public    {bytes} not null,    -- PKIX, raw for ML-DSA, empty for secrets
  chain     {json} not null,     -- certificates in base64, leaf first
  created   bigint not null,
  changed   bigint not null,
  unique (purpose, version)
) {strict};
