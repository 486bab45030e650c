import { NONE_LET_GO } from '../letting-go.ts';
import type { Position } from '../log.ts';
import type { DeadLetter, DeadLetterLimit } from '../state/dead-letters.ts';
import type { JournalLine, Rule } from '../state/journal.ts';
import type { Progress } from '../state/progress.ts';
import { keyOf, type PipelineId } from '../state/shared.ts';

export interface Pipeline {
  /** Undefined until it begins. */
  progress: Progress | undefined;
  readonly journal: JournalLine[];
  readonly rules: Rule[];
  readonly dead: Map<Position, DeadLetter>;
  readonly letGo: Record<DeadLetterLimit, number>;
}

/** The state of each pipeline. */
export class PipelineMap {
  readonly #pipelines = new Map<string, Pipeline>();

  get(id: PipelineId): Pipeline {
    const key = keyOf(id);
    let found = this.#pipelines.get(key);
    if (found === undefined) {
      found = { progress: undefined, journal: [], rules: [], dead: new Map(), letGo: { ...NONE_LET_GO } };
      this.#pipelines.set(key, found);
    }
    return found;
  }

  delete(id: PipelineId): boolean {
    return this.#pipelines.delete(keyOf(id));
  }

  /** By shop and name. */
  all(): { readonly id: PipelineId; readonly pipeline: Pipeline }[] {
    return [...this.#pipelines].sort().map(([key, pipeline]) => {
      const [shop = '', name = ''] = key.split('/');
      return { id: { shop, pipeline: name }, pipeline };
    });
  }
}
