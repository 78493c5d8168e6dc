-- +goose Up
-- answers used to be kept in clear; from now on they are sealed (Options.Sealer)
delete from api_answer where answer is not null or refusal is not null;
