-- +goose Up
create table api_answer (
  scope text not null,
  key text not null,
  request {bytes} not null,
  at bigint not null,
  running_until bigint,
  answer {bytes},
  refusal {bytes},
  primary key (scope, key)
) {strict};
create index api_answer_at on api_answer (at);
