-- +goose Up

-- A connected participant takes part after the technical test: the rail has sent
-- it a message and understood the answer.
alter table payments_participant add column funded boolean not null default false; -- cap and prefund are in the ledger
alter table payments_participant add column tested bigint not null default 0;      -- last technical test that was passed
