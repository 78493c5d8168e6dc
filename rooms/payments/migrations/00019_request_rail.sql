-- +goose Up

-- Who asks, when a request to pay comes from a connected participant (pain.013): the
-- account there and the name, as the participant says. '' for accounts that the house
-- keeps.
alter table payments_request add column asker_iban text not null default '';
alter table payments_request add column asker_name text not null default '';
