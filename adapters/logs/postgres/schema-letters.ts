/** Adds, per pipeline, the number of dead letters that limits have removed, and which letters are open. */
export const lettersOf = (schema: string): string => `
create table ${schema}.letters_let_go (
  pipeline int primary key references ${schema}.pipelines on delete cascade,
  count bigint not null default 0,
  age bigint not null default 0
);
create index dead_open on ${schema}.dead (pipeline, position) where not ended;
`;
