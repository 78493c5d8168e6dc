-- +goose Up

-- The last number given in a series of an office and year: "diary/icta.dc",
-- "file/icta.dc". It moves in the transaction that uses the number, so a
-- series has no gaps.
create table office_series (
    series text not null,
    year   bigint not null,
    last   bigint not null,
    primary key (series, year)
) {strict};

create table office_file (
    id          {id} primary key,
    number      text not null unique,        -- "DC-ICT/DOMICILE/2026/00042"
    office      text not null,
    service     text not null,               -- "" for files without one
    application text not null,               -- "" for files without one
    applicant   text not null,               -- pseudonym of the person it is about; "" for none
    subject_en  text not null,
    subject_ur  text not null,
    state       text not null,               -- open, approved, refused, closed
    holder      text not null,               -- the post that has it
    sender      text not null,               -- the post it came from; "" at the beginning
    seen        bigint not null,             -- when the holder opened it; 0 while it has not
    route       {json} not null,             -- posts in the order it is to take
    paras       bigint not null,             -- signed notes
    moves       bigint not null,
    opened      bigint not null,
    held        bigint not null,             -- since when the holder has it
    due         bigint not null,
    decided     bigint not null,             -- 0 while open
    outcome     text not null,
    reason      text not null
) {strict};

create index office_file_holder on office_file (holder, state, due);
create index office_file_office on office_file (office, state, held);
create index office_file_application on office_file (application);

create table office_receipt (
    id         {id} primary key,
    diary      text not null unique,         -- "DC-ICT/D/2026/00107"
    office     text not null,
    sender     text not null,                -- who sent it, as the clerk wrote it; "" for an application
    subject_en text not null,
    subject_ur text not null,
    file       text not null references office_file (id),
    at         bigint not null,
    actor      text not null
) {strict};

create index office_receipt_office on office_receipt (office, at);

-- What is being written. One draft a post and file; it is nobody's word yet.
create table office_draft (
    file text not null references office_file (id),
    post text not null,
    body text not null,
    at   bigint not null,
    primary key (file, post)
) {strict};

-- The noting side: signed paras. Rows are added and never changed.
create table office_para (
    file      text not null references office_file (id),
    n         bigint not null,
    kind      text not null,                 -- note, order
    post      text not null,
    charge    text not null,                 -- permanent, additional, look-after
    person    text not null,                 -- pseudonym of the one who held the post
    body      text not null,
    at        bigint not null,
    previous  {bytes} not null,              -- digest of the para before; of the file's number for the first
    digest    {bytes} not null,              -- SHA-256 of the canonical form
    key       text not null,                 -- id of the key
    signature {bytes} not null,
    primary key (file, n)
) {strict};

create index office_para_post on office_para (post, at);

-- The correspondence side: papers, pages numbered over the file's life. A body
-- is sealed by a key of the house; sealed_at is 0 for the moments before.
create table office_paper (
    id        {id} primary key,
    file      text not null references office_file (id),
    n         bigint not null,
    title_en  text not null,
    title_ur  text not null,
    media     text not null,
    size      bigint not null,
    digest    {bytes} not null,              -- SHA-256 of the plain bytes
    body      {bytes} not null,
    sealed_at bigint not null,
    at        bigint not null,
    unique (file, n)
) {strict};

-- Rows are added and never changed.
create table office_movement (
    file      text not null references office_file (id),
    n         bigint not null,
    office    text not null,
    kind      text not null,                 -- open, forward, return, pull-back
    from_post text not null,
    to_post   text not null,
    charge    text not null,
    at        bigint not null,
    primary key (file, n)
) {strict};

create index office_movement_office on office_movement (office, at);
