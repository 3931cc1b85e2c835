import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TaskFacts } from '../table/facts.ts';
import { Claims, type Claim } from './claims.ts';

const GIB = 2 ** 30;

function setUp() {
  let now = 0;
  const usage = new Map<string, number>();
  const claims = new Claims({
    clock: { monotonic: () => now },
    assumeMilliseconds: 60_000,
    usage: { addUsage: (key, slots) => usage.set(key, (usage.get(key) ?? 0) + slots) },
  });
  return { claims, usage, pass: (milliseconds: number) => (now += milliseconds) };
}

const decided = { provider: 'p', price: 7, predictedMilliseconds: 9 };
const where = { cluster: 'c', node: 'n', deviceUuid: 'd', executionProvider: 'CUDA' as const, memoryBytes: GIB };
const claim: Claim = { workUid: 'w', attempt: 1, ...where, decided };
const task: TaskFacts = { workUid: 'w', attempt: 1, ...where, finished: false };

describe('Claims', () => {
  test('an assumption holds capacity until its time is over', () => {
    const { claims, usage, pass } = setUp();
    claims.assume(claim);
    pass(59_999);
    claims.expire();
    assert.equal(claims.find('w', 1), claim);
    pass(1);
    claims.expire();
    assert.equal(claims.find('w', 1), undefined);
    assert.equal(usage.get('c/n/d'), 0);
    assert.equal(claims.expired, 1);
  });

  test('the task takes the place of the assumption: deducted once, never expiring, the terms remembered', () => {
    const { claims, usage, pass } = setUp();
    claims.assume(claim);
    claims.observe('edge-c/t', task);
    pass(1_000_000);
    claims.expire();
    assert.equal(usage.get('c/n/d'), 1);
    assert.deepEqual(claims.find('w', 1), claim);
    assert.deepEqual([claims.assumed, claims.confirmed, claims.expired], [0, 1, 0]);
  });

  test('later sightings of the task change nothing; its end frees the device once', () => {
    const { claims, usage } = setUp();
    claims.assume(claim);
    for (let sighting = 0; sighting < 3; sighting++) claims.observe('edge-c/t', task);
    assert.equal(usage.get('c/n/d'), 1);
    assert.deepEqual(claims.find('w', 1)?.decided, decided);
    claims.observe('edge-c/t', { ...task, finished: true });
    claims.forget('edge-c/t');
    assert.equal(usage.get('c/n/d'), 0);
    assert.equal(claims.find('w', 1), undefined);
  });

  test('a task of a former process is found without terms', () => {
    const { claims, usage } = setUp();
    claims.observe('edge-c/t', task);
    assert.equal(usage.get('c/n/d'), 1);
    assert.equal(claims.find('w', 1)?.decided, undefined);
  });

  test('a task that runs elsewhere than assumed counts where it runs', () => {
    const { claims, usage } = setUp();
    claims.assume(claim);
    claims.observe('edge-c/t', { ...task, node: 'other' });
    assert.equal(usage.get('c/n/d'), 0);
    assert.equal(usage.get('c/other/d'), 1);
    assert.equal(claims.find('w', 1)?.decided, undefined);
  });

  test('a task that replaced a namesake unseen is another attempt', () => {
    const { claims, usage } = setUp();
    claims.observe('edge-c/t', task);
    claims.observe('edge-c/t', { ...task, attempt: 2 });
    assert.equal(claims.find('w', 1), undefined);
    assert.ok(claims.find('w', 2));
    assert.equal(usage.get('c/n/d'), 1);
  });

  test('an attempt confirmed by an end needs no expiry', () => {
    const { claims, usage } = setUp();
    claims.assume(claim);
    claims.observe('edge-c/t', { ...task, finished: true });
    assert.equal(claims.find('w', 1), undefined);
    assert.equal(usage.get('c/n/d'), 0);
  });

  test('an assumption that was withdrawn and made again lives its full time', () => {
    const { claims, pass } = setUp();
    claims.assume(claim);
    claims.assume({ ...claim, attempt: 2 });
    pass(30_000);
    claims.withdraw('w', 1);
    claims.assume(claim);
    pass(30_000);
    claims.expire();
    assert.ok(claims.find('w', 1));
    assert.equal(claims.find('w', 2), undefined);
  });
});
