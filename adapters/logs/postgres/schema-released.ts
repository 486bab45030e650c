/**
 * Adds when the last process that moved a pipeline released it; for a new pipeline, when it began. From this any process can tell since when
 * nobody moves it.
 */
export const releasedOf = (schema: string): string => `
alter table ${schema}.pipelines add column released_at timestamptz;
alter table ${schema}.pipelines alter column released_at set default now();
`;
