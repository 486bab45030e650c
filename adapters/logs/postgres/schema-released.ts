/** When the last process that moved a pipeline gave it up; a new one has had none since it began. From it any process tells since when none moves the pipeline. */
export const releasedOf = (schema: string): string => `
alter table ${schema}.pipelines add column released_at timestamptz;
alter table ${schema}.pipelines alter column released_at set default now();
`;
