import type { Position } from '../log.ts';
import type { Journal, JournalLine, Rule } from '../state/journal.ts';
import type { PipelineId } from '../state/shared.ts';
import type { PipelineMap } from './pipelines.ts';

/** The journal in memory, and the filters that were in force. */
export class MemoryJournal implements Journal {
  readonly #pipelines: PipelineMap;

  constructor(pipelines: PipelineMap) {
    this.#pipelines = pipelines;
  }

  async lineAt(id: PipelineId, position: Position): Promise<JournalLine | undefined> {
    return this.#pipelines.get(id).journal.find(({ from, to }) => from <= position && position <= to);
  }

  async ruleAt(id: PipelineId, position: Position): Promise<Rule | undefined> {
    return this.#pipelines.get(id).rules.findLast(({ since }) => since <= position);
  }

  async saveRule(id: PipelineId, rule: Rule): Promise<void> {
    this.#pipelines.get(id).rules.push(rule);
  }
}
