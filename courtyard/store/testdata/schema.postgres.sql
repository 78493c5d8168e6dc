CREATE TABLE journal_event (
    "position" bigint not null,
    id text collate "C" not null,
    type text collate "C" not null,
    version bigint not null,
    subject text collate "C" not null,
    actor text collate "C" not null,
    at bigint not null,
    payload json,
    opening bytea,
    constraint journal_event_pkey PRIMARY KEY ("position"),
    constraint journal_event_id_key UNIQUE (id)
);

CREATE TABLE journal_head (
    name text collate "C" not null,
    "position" bigint not null,
    constraint journal_head_pkey PRIMARY KEY (name)
);

CREATE TABLE journal_outbox (
    id text collate "C" not null,
    emitted bigint not null,
    ord bigint not null,
    type text collate "C" not null,
    version bigint not null,
    subject text collate "C" not null,
    actor text collate "C" not null,
    at bigint not null,
    payload json,
    opening bytea,
    constraint journal_outbox_pkey PRIMARY KEY (id)
);

CREATE INDEX journal_outbox_order ON public.journal_outbox USING btree (emitted, ord);

CREATE TABLE store_lease (
    name text collate "C" not null,
    node text collate "C" not null,
    holder text collate "C" not null,
    epoch bigint not null,
    expires bigint not null,
    constraint store_lease_pkey PRIMARY KEY (name)
);

CREATE TABLE store_once (
    scope text collate "C" not null,
    key text collate "C" not null,
    digest bytea not null,
    outcome bytea,
    at bigint not null,
    constraint store_once_pkey PRIMARY KEY (scope, key)
);

CREATE INDEX store_once_at ON public.store_once USING btree (at);

