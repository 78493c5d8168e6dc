-- +goose Up

-- Whom at a connected participant an order pays: the account there, of which the
-- house knows nothing but its number. '' for accounts that the house keeps.
alter table payments_order add column payee_iban text not null default '';
