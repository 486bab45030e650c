import * as assert from 'uvu/assert';
import { createBodyBudget } from '../../../server/overload/body-budget.ts';
import { createLoad } from '../../../server/overload/load.ts';
import type { Pressure, Shortage } from '../../../server/overload/pressure.ts';
import { describe } from '../../support/describe.ts';

/** A load on a clock of its own; each request that is begun takes a millisecond of it. */
function loadAt(disk: () => Pressure = () => 'none') {
  let time = 1000;
  const shed: string[] = [];
  const told: Shortage[] = [];
  const load = createLoad({
    maxBytes: 1000,
    disk,
    onRefusal: (shortage, priority) => shed.push(`${shortage} ${priority}`),
    onShortage: (shortage) => told.push(shortage),
    now: () => time,
  });
  let begun = 0;
  const own = {
    load,
    shed,
    told,
    begun: () => begun,
    pass: (ms: number) => {
      time += ms;
    },
    pressure: () => load.currentPressure(time).pressure,
    /** So many requests come in one turn of the event loop. */
    async come(requests: number) {
      for (let request = 0; request < requests; request += 1) {
        void load.enter().then(() => {
          begun += 1;
          time += 1;
        });
        await undefined;
      }
    },
    /** A turn of the event loop. */
    turn: () => new Promise((resolve) => setImmediate(resolve)),
    /** So many requests wait, the first of which came behind a hundred others. */
    async queue(requests: number) {
      await own.come(requests + 120);
      while (begun < 120) await own.turn();
    },
  };
  return own;
}

describe('a load', ({ it }) => {
  it('that is carried refuses nothing, and waits for nothing', async () => {
    const { pressure, come, begun, turn, pass } = loadAt();
    for (let request = 1; request <= 100; request += 1) {
      await come(1);
      assert.is(begun(), request);
      assert.is(pressure(), 'none');
      if (request % 3 === 0) await turn();
      pass(5);
    }
  });

  it('is begun a little in each turn of the event loop, the first come first', async () => {
    const { come, begun, turn, load } = loadAt();
    await come(1000);
    assert.is(begun(), 20);
    const order: number[] = [];
    for (const number of [1, 2, 3]) void load.enter().then(() => order.push(number));
    let turns = 0;
    for (let before = begun(); begun() < 1000; before = begun(), turns += 1) {
      await turn();
      assert.ok(begun() - before <= 20, `${begun() - before} in one turn`);
    }
    assert.ok(turns >= 45, `${turns} turns`);
    while (order.length < 3) await turn();
    assert.equal(order, [1, 2, 3]);
    await come(1);
    assert.is(begun(), 1001, 'nobody waits any more');
  });

  it('that waits for more than a second loses browse events, and past five seconds everything', async () => {
    const { pressure, queue, pass, turn, begun } = loadAt();
    await queue(200);
    assert.is(pressure(), 'none');
    pass(1000);
    assert.is(pressure(), 'browse');
    pass(4000);
    assert.is(pressure(), 'all');
    while (begun() < 320) await turn();
    assert.is(pressure(), 'none');
  });

  it('that waits with few others is taken: the machine stands still', async () => {
    const { pressure, come, pass } = loadAt();
    await come(20 + 64);
    pass(10_000);
    assert.is(pressure(), 'none');
  });

  it('whose bodies fill three quarters of their room loses browse events, and past all of it everything', () => {
    const { load, pressure } = loadAt();
    const hold = load.bodies.reserve(1000, () => {});
    hold.add(751);
    assert.equal(load.currentPressure(1000), { pressure: 'browse', shortage: 'memory' });
    hold.add(250);
    assert.is(pressure(), 'all');
    hold.release();
    assert.is(pressure(), 'none');
  });

  it('is the worst of what the processor, the memory and the disk say', async () => {
    let disk: Pressure = 'browse';
    const { load, queue } = loadAt(() => disk);
    assert.equal(load.currentPressure(1000), { pressure: 'browse', shortage: 'disk' });
    await queue(200);
    assert.equal(load.currentPressure(60_000), { pressure: 'all', shortage: 'delay' });
    disk = 'all';
    assert.equal(load.currentPressure(60_000), { pressure: 'all', shortage: 'disk' });
  });

  it('does not go on the disk for all the bodies that are in hand', () => {
    const { load } = loadAt(() => 'all');
    load.bodies.take(800);
    assert.equal(load.currentPressure(1000), { pressure: 'all', shortage: 'disk' });
  });

  it('is told once a minute, counted each time, and its refusals come back at different times', () => {
    const { load, shed, told, pass } = loadAt();
    assert.is(load.shedding(), undefined);
    const seconds = [1, 2, 3, 4].map(() => load.refusal('delay', 'browse').seconds);
    assert.equal(seconds.toSorted(), [2, 3, 4, 5]);
    assert.is(load.shedding(), 'delay');
    assert.equal(told, ['delay']);
    assert.is(shed.length, 4);
    pass(60_000);
    assert.is(load.shedding(), undefined);
    load.refusal('memory', 'any');
    assert.equal(told, ['delay', 'memory']);
  });
});

describe('refusals that are delayed', ({ it }) => {
  it('wait longer if there are thousands of them, up to three times as long', async () => {
    const stopping = new AbortController();
    const nothing = () => {};
    const load = createLoad({
      maxBytes: 1000,
      disk: () => 'none',
      refusalDelayMs: 40,
      stopping: stopping.signal,
      onRefusal: nothing,
      onShortage: nothing,
    });
    const heldMs = async () => {
      const begin = performance.now();
      await load.delayRefusal();
      return performance.now() - begin;
    };
    const others = Array.from({ length: 1000 }, () => load.delayRefusal());
    const twice = await heldMs();
    assert.ok(twice >= 78, `${twice} ms`);
    await Promise.all(others);
    // More than there are connections for are not held at all.
    const all = Array.from({ length: 10_000 }, () => load.delayRefusal());
    let held = true;
    void load.delayRefusal().then(() => {
      held = false;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.not(held);
    await Promise.all(all);
  });
});

describe('the bodies in hand', ({ it }) => {
  it('count from their first byte until they are answered', () => {
    const bodies = createBodyBudget(100, () => 0);
    const hold = bodies.reserve(0, () => assert.unreachable());
    assert.not(bodies.isFull(0));
    hold.add(101);
    hold.complete();
    hold.abandon();
    assert.ok(bodies.isFull(10_000), 'a body that waits for the log is never given up');
    hold.release();
    hold.release();
    assert.is(bodies.bytes(), 0);
  });

  it('lose what a client leaves behind', () => {
    const bodies = createBodyBudget(100, () => 0);
    const hold = bodies.reserve(0, () => assert.unreachable());
    hold.add(50);
    hold.abandon();
    assert.is(bodies.bytes(), 0);
  });

  it('make room at the cost of those who send slowly, the slowest first', () => {
    let time = 0;
    const bodies = createBodyBudget(100, () => time);
    const evicted: string[] = [];
    const begin = (name: string, bytes: number) => {
      const hold = bodies.reserve(time, () => evicted.push(name));
      hold.add(bytes);
      return hold;
    };
    begin('slow', 60);
    begin('also slow', 20);
    begin('done', 15).complete();
    time = 999;
    begin('quick', 40);
    assert.equal(evicted, []);
    assert.ok(bodies.isFull(time));
    assert.not(bodies.isFull(1001));
    assert.equal(evicted, ['slow']);
    assert.is(bodies.bytes(), 75);
  });
});
