-- +goose Up

-- How many good lines of a file pay accounts at connected participants. Such a line's
-- account is 'away/' and the account number.
alter table payments_bulk add column away bigint not null default 0;
