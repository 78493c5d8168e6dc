-- +goose Up
-- How far each durable subscription has come.
create table journal_cursor (
    name     text primary key,
    position bigint not null,
    attempts bigint not null,
    trouble  text,
    moved    bigint not null
) {strict};
