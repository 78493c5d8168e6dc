-- +goose Up

-- Open reservations are few, and found by when they end. An index of all transfers by
-- their phase cost an entry for each, and on PostgreSQL another when it ended.
drop index payments_transfer_open;
create index payments_transfer_open on payments_transfer (expires) where phase = 'reserved';
