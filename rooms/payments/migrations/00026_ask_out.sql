-- +goose Up

-- The request in a wallet of the house that asks somebody at a connected participant.
alter table payments_ask add column request text not null default '';
create index payments_ask_request on payments_ask (request) where request <> '';
