import type { Database, RootDatabase } from 'lmdb';
import type { Position } from '../log.ts';
import type { Journal, JournalLine, Rule } from '../state/journal.ts';
import type { PipelineId } from '../state/shared.ts';
import type { Commit } from './chain.ts';
import { type NumberedKey, newestUpTo, removeAll, removeEntries, someUpTo } from './numbered.ts';
import { bytesOf } from './pages.ts';

/** The journal of an embedded log, and the past filters. */
export class LmdbJournal implements Journal {
  readonly #root: RootDatabase;
  readonly #lines: Database<JournalLine, NumberedKey>;
  readonly #rules: Database<Rule, NumberedKey>;
  readonly #commit: Commit;

  constructor(root: RootDatabase, commit: Commit) {
    this.#root = root;
    this.#lines = root.openDB({ name: 'journal', encoding: 'json' });
    this.#rules = root.openDB({ name: 'rules', encoding: 'json' });
    this.#commit = commit;
  }

  async lineAt({ shop, pipeline }: PipelineId, position: Position): Promise<JournalLine | undefined> {
    const line = newestUpTo(this.#lines, [shop, pipeline], position);
    return line && line.to >= position ? line : undefined;
  }

  async ruleAt({ shop, pipeline }: PipelineId, position: Position): Promise<Rule | undefined> {
    return newestUpTo(this.#rules, [shop, pipeline], position);
  }

  async saveRule({ shop, pipeline }: PipelineId, rule: Rule): Promise<void> {
    await this.#commit(() => this.#rules.put([shop, pipeline, rule.since], rule));
  }

  /** To be called inside a batch. */
  put({ shop, pipeline }: PipelineId, line: JournalLine): void {
    void this.#lines.put([shop, pipeline, line.from], line);
  }

  /** Removes lines and rules about positions that the log no longer keeps. */
  async trim(id: PipelineId, oldest: Position): Promise<void> {
    // The newest of the old rules still applies at the oldest position.
    const rules = someUpTo(this.#rules, id, oldest + 1).slice(0, -1);
    if (rules.length > 0) await removeEntries(this.#root, this.#rules, rules, this.#commit);
    for (;;) {
      const old = someUpTo(this.#lines, id, oldest).filter(({ value }) => value.to < oldest);
      if (old.length === 0) break;
      await removeEntries(this.#root, this.#lines, old, this.#commit);
    }
  }

  async forgetLines(id: PipelineId): Promise<void> {
    await removeAll(this.#root, this.#lines, id, this.#commit);
  }

  async forgetRules(id: PipelineId): Promise<void> {
    await removeAll(this.#root, this.#rules, id, this.#commit);
  }

  usedBytes(): number {
    return bytesOf(this.#lines) + bytesOf(this.#rules);
  }
}
