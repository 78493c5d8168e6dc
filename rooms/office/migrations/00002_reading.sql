-- +goose Up

-- Who opened a file about a person, once a post and day: the person is told of
-- each, but not of every page turned.
create table office_reading (
    file text not null references office_file (id),
    actor text not null,
    day  text not null,
    primary key (file, actor, day)
) {strict};
