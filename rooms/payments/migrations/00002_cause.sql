-- +goose Up

-- Why money is asked for: of all fees of one cause one is paid at most. '' is
-- a fee that stands alone.
alter table payments_fee add column cause text not null default '';
-- The fee of the same cause that was paid and ended this one, or ''.
alter table payments_fee add column settled_by text not null default '';
create index payments_fee_cause on payments_fee (cause) where cause <> '';
