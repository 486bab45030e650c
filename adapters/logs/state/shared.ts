import type { Position } from '../log.ts';

export interface PipelineId {
  readonly shop: string;
  readonly pipeline: string;
}

/** The first and the last position of a stretch. */
export type Stretch = readonly [from: Position, to: Position];

export interface Page {
  readonly limit: number;
  /** Only what comes after this id or position. */
  readonly after?: string | undefined;
}

/** One text for a pipeline, for maps. */
export const keyOf = ({ shop, pipeline }: PipelineId): string => `${shop}/${pipeline}`;
