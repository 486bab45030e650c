import type { LookupFunction } from 'node:net';
import * as assert from 'uvu/assert';
import { fairLookup } from '../../../adapters/http/names.ts';
import { describe } from '../../support/describe.ts';

/** A system that looks two names up at once, in order; those that begin with `dead` take ten seconds and fail. */
class System {
  readonly asked: string[] = [];
  now = 0;
  /** Names that answer no more. */
  readonly silent = new Set<string>();
  #timers: { at: number; then: () => void }[] = [];
  readonly #queue: { host: string; done: Parameters<LookupFunction>[2] }[] = [];
  #running: { host: string; done: Parameters<LookupFunction>[2]; until: number }[] = [];

  readonly lookup: LookupFunction = (host, _, done) => {
    this.asked.push(host);
    this.#queue.push({ host, done });
    this.#fill();
  };

  readonly after = (ms: number, then: () => void): (() => void) => {
    const timer = { at: this.now + ms, then };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };

  pass(seconds: number): void {
    for (const end = this.now + seconds * 1000; this.now < end; ) {
      this.now += 10;
      const due = this.#timers.filter(({ at }) => at <= this.now);
      this.#timers = this.#timers.filter(({ at }) => at > this.now);
      for (const { then } of due) then();
      const over = this.#running.filter(({ until }) => until <= this.now);
      this.#running = this.#running.filter(({ until }) => until > this.now);
      for (const { host, done } of over) {
        if (this.#isDead(host)) done(Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' }), '', 0);
        else done(null, '192.0.2.1', 4);
      }
      this.#fill();
    }
  }

  #isDead(host: string): boolean {
    return host.startsWith('dead') || this.silent.has(host);
  }

  #fill(): void {
    while (this.#running.length < 2) {
      const next = this.#queue.shift();
      if (!next) return;
      this.#running.push({ ...next, until: this.now + (this.#isDead(next.host) ? 10_000 : 10) });
    }
  }
}

function open() {
  const system = new System();
  const lookup = fairLookup(system.lookup, { now: () => system.now, after: system.after });
  const ask = (host: string, answers: string[] = []): string[] => {
    lookup(host, {}, (error, address) => answers.push(error?.code ?? String(address)));
    return answers;
  };
  return { system, ask };
}

const dead = Array.from({ length: 10 }, (_, index) => `dead${index}.example.com`);

describe('names', ({ it }) => {
  it('that went well before are found at once, however many others get no answer', () => {
    const { system, ask } = open();
    ask('well.example.com');
    system.pass(1);
    for (const host of dead) ask(host);
    system.pass(60);
    for (let second = 0; second < 60; second += 1) {
      if (second % 10 === 0) for (const host of dead) ask(host);
      const answers = ask('well.example.com');
      system.pass(1);
      assert.equal(answers, ['192.0.2.1'], `after ${second} s`);
    }
  });

  it('that are new come before those in trouble', () => {
    const { system, ask } = open();
    for (const host of dead) ask(host);
    system.pass(60);
    for (const host of dead) ask(host);
    const answers = ask('new.example.com');
    system.pass(1);
    assert.equal(answers, ['192.0.2.1']);
  });

  it('are looked up once at a time, for everyone who asks meanwhile', () => {
    const { system, ask } = open();
    const answers: string[] = [];
    for (let i = 0; i < 5; i += 1) ask('dead.example.com', answers);
    system.pass(11);
    assert.equal(system.asked, ['dead.example.com']);
    assert.equal(answers, Array(5).fill('EAI_AGAIN'));
    ask('dead.example.com', answers);
    system.pass(11);
    assert.is(answers.length, 6);
  });

  it('that were known are taken as they were while nobody answers, for an hour and in a second', () => {
    const { system, ask } = open();
    const known = Array.from({ length: 10 }, (_, index) => `known${index}.example.com`);
    for (const host of known) ask(host);
    system.pass(1);
    for (const host of known) system.silent.add(host);
    for (let round = 0; round < 5; round += 1) {
      const answers = known.map((host) => ask(host));
      system.pass(2);
      assert.equal(answers, Array(10).fill(['192.0.2.1']));
    }
    system.pass(3_600);
    const answers = ask('known0.example.com');
    system.pass(15);
    assert.equal(answers, ['EAI_AGAIN']);
  });

  it('in trouble are still looked up, one after the other, and are well again when they are', () => {
    const { system, ask } = open();
    const answers = dead.flatMap((host) => [ask(host)]);
    system.pass(60);
    for (const [index, host] of dead.entries()) ask(host, answers[index]);
    system.pass(101);
    assert.equal(
      answers.map((got) => got.length),
      Array(10).fill(2),
    );
  });
});
