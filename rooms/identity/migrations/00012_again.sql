-- +goose Up
-- A credential can be collected again: by the same wallet, when the answer did
-- not arrive, and by another one through a new offer that ends the old.
alter table identity_credential add column holder text not null default ''; -- thumbprint of the wallet's key, while its token may live
alter table identity_offer add column sealed {bytes};                       -- the claims, sealed, once it is collected
alter table identity_offer add column successor text not null default '';   -- the offer that took its place
