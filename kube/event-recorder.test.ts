import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Registry } from 'prom-client';
import type { ApiClient } from './client.ts';
import { core, type Event } from './core.ts';
import { ApiError } from './errors.ts';
import { EventRecorder } from './event-recorder.ts';
import { FakeClock } from './fake-clock.ts';
import { Metrics } from './metrics.ts';
import { RecordingLogger } from './recording-logger.ts';

function start() {
  const created: Event[] = [];
  const patched: { name: string; series: Event['series'] }[] = [];
  const failure: { error?: Error; hangs?: boolean } = {};
  const client = {
    create: async (_: unknown, event: Event) => {
      if (failure.error !== undefined) throw failure.error;
      if (failure.hangs === true) await new Promise(() => undefined);
      created.push(event);
      return event;
    },
    mergePatch: async (_: unknown, { name }: { name: string }, { series }: Pick<Event, 'series'>) => {
      if (failure.error !== undefined) {
        const { error } = failure;
        delete failure.error;
        throw error;
      }
      patched.push({ name, series });
    },
  };
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const recorder = new EventRecorder({
    client: client as unknown as Pick<ApiClient, 'create' | 'mergePatch'>,
    controller: 'isochrone.dev/test',
    instance: 'test-0',
    logger,
    metrics: new Metrics(registry),
    clock,
  });
  const record = (note = 'no node fits', name = 'a'): void => {
    const object = { metadata: { namespace: 'ns', name, uid: `uid-${name}` } };
    recorder.record(core.pods, object, { type: 'Warning', reason: 'Unschedulable', note });
  };
  return { created, patched, failure, clock, logger, registry, recorder, record };
}

describe('EventRecorder', () => {
  test('repeats are counted and written once in ten seconds', async () => {
    const { created, patched, clock, record } = start();
    for (let second = 0; second < 25; second++) {
      record();
      await clock.advance(1_000);
    }
    await clock.advance(10_000);
    assert.equal(created.length, 1);
    assert.deepEqual(
      patched.map(({ series }) => series?.count),
      [10, 20, 25],
    );
    assert.equal(patched[0]?.name, created[0]?.metadata.name);
    assert.equal(created[0]?.regarding?.uid, 'uid-a');
    assert.equal(clock.waiting, 0);
  });

  test('after a long gap a new event begins', async () => {
    const { created, clock, record } = start();
    record();
    await clock.advance(400_000);
    record();
    await clock.advance(1);
    assert.equal(created.length, 2);
  });

  test('one object gets a burst of 25, then one in five minutes; another object its own', async () => {
    const { created, clock, record, registry } = start();
    for (let index = 0; index < 40; index++) record(`note ${index}`);
    record('other', 'b');
    await clock.advance(1);
    assert.equal(created.length, 26);
    assert.match(await registry.metrics(), /event_recorder_events_total\{result="dropped"\} 15/);
    await clock.advance(300_000);
    record('later');
    await clock.advance(1);
    assert.equal(created.length, 27);
  });

  test('an expired series is created anew, with its count', async () => {
    const { created, clock, record, failure } = start();
    record();
    await clock.advance(1);
    record();
    failure.error = new ApiError('gone', { status: 404 });
    await clock.advance(10_000);
    assert.deepEqual(
      created.map(({ series }) => series?.count),
      [undefined, 2],
    );
  });

  test('a server that refuses is logged and counted; recording never throws', async () => {
    const { created, clock, record, failure, logger, registry } = start();
    failure.error = new ApiError('forbidden', { status: 403 });
    record();
    await clock.advance(1);
    assert.equal(created.length, 0);
    assert.equal(logger.lines[0]?.level, 'warn');
    assert.match(await registry.metrics(), /event_recorder_events_total\{result="failed"\} 1/);
  });

  test('an event that found no server is tried again, some times', async () => {
    const { created, clock, record, failure, registry } = start();
    failure.error = new TypeError('socket hang up');
    record();
    await clock.advance(15_000);
    delete failure.error;
    await clock.advance(10_000);
    assert.equal(created.length, 1);
    failure.error = new ApiError('etcd is away', { status: 500 });
    record('never written');
    await clock.advance(100_000);
    assert.match(await registry.metrics(), /event_recorder_events_total\{result="failed"\} 1/);
    assert.equal(clock.waiting, 0);
  });

  test('a flush gives up after its limit, and leaves nothing to do', async () => {
    const { clock, record, failure, recorder, registry } = start();
    failure.hangs = true;
    record();
    record('waits behind it');
    const flushed = recorder.flush();
    await clock.advance(5_000);
    await flushed;
    assert.match(await registry.metrics(), /event_recorder_events_total\{result="dropped"\} 1/);
    assert.equal(clock.waiting, 0);
  });

  test('the name of an event is valid, wherever the name of its object is cut', async () => {
    const { created, clock, record } = start();
    record('x', `${'a'.repeat(228)}-.b`);
    await clock.advance(1);
    assert.match(created[0]!.metadata.name!, /^a{228}\.[0-9a-f]{16}$/);
  });
});
