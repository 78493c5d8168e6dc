-- +goose Up
create table job_task (
    id       {id} primary key,
    kind     text not null,
    key      text not null,
    state    text not null check (state in ('waiting', 'running', 'dead')),
    at       bigint not null,
    data     {json} not null,
    attempts bigint not null,
    worker   text,
    until    bigint,
    trouble  text,
    created  bigint not null
) {strict};
create unique index job_task_key on job_task (kind, key) where state = 'waiting';
create index job_task_due on job_task (at) where state = 'waiting';
create index job_task_held on job_task (until) where state = 'running';
