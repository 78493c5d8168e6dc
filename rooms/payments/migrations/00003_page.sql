-- +goose Up

-- The asker's page on which the payer goes on, or ''.
alter table payments_fee add column page text not null default '';
