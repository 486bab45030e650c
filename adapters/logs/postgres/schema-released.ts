/** When the last process that moved a pipeline gave it up; a new one has had none since it began. Whoever looks says since when none moves it. */
export const releasedOf = (schema: string): string => `
alter table ${schema}.pipelines add column released_at timestamptz;
alter table ${schema}.pipelines alter column released_at set default now();
`;
