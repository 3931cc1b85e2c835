import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { core, EventRecorder, LeaderElector } from '@isochrone/kube';
import { eventually, withControlPlane } from '@isochrone/test/harness';
import { relayedClient } from './network.ts';

const namespace = 'default';

const plane = await withControlPlane({ name: 'kube-lease', crds: false });

describe('LeaderElector and EventRecorder on a real API server', () => {
  const candidate = async (t: TestContext, identity: string, name: string) => {
    const relay = await relayedClient(t, plane);
    const { client, logger, metrics } = relay;
    const elector = new LeaderElector({
      client,
      lease: { namespace, name },
      identity,
      leaseDurationMilliseconds: 3_000,
      renewDeadlineMilliseconds: 2_000,
      retryPeriodMilliseconds: 300,
      logger,
      metrics,
    });
    const stop = new AbortController();
    const transitions: (number | undefined)[] = [];
    const spans: { from: number; to: number }[] = [];
    const outcome = elector.run(stop.signal, async (signal) => {
      const span = { from: performance.now(), to: Infinity };
      spans.push(span);
      transitions.push((await client.get(core.leases, { namespace, name })).spec?.leaseTransitions);
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      span.to = performance.now();
    });
    return { relay, elector, stop, transitions, spans, outcome };
  };

  test('two electors: one leads; when it is cut off the other takes over, never both', async (t) => {
    const first = await candidate(t, 'a', 'cut-off');
    await eventually(() => first.elector.isLeader);
    const second = await candidate(t, 'b', 'cut-off');
    await eventually(() => second.elector.holder === 'a');
    await eventually(() => first.transitions[0] === 0);
    assert.equal(second.spans.length, 0);
    first.relay.cut();
    assert.equal(await first.outcome, 'lost');
    await eventually(() => second.elector.isLeader);
    assert.ok(second.spans[0]!.from > first.spans[0]!.to, 'both led at once');
    await eventually(() => second.transitions[0] === 1);
    second.stop.abort();
    assert.equal(await second.outcome, 'stopped');
    const lease = await second.relay.client.get(core.leases, { namespace, name: 'cut-off' });
    assert.equal(lease.spec?.holderIdentity ?? '', '');
  });

  test('a release hands over without waiting for the lease to expire', async (t) => {
    const first = await candidate(t, 'a', 'released');
    await eventually(() => first.elector.isLeader);
    const second = await candidate(t, 'b', 'released');
    await eventually(() => second.elector.holder === 'a');
    first.stop.abort();
    await first.outcome;
    const released = performance.now();
    await eventually(() => second.elector.isLeader);
    assert.ok(performance.now() - released < 2_500);
    second.stop.abort();
    await second.outcome;
  });

  test('events: equal ones become a series with a count, long notes are cut, nothing is thrown', async (t) => {
    const relay = await relayedClient(t, plane);
    const { client, logger, metrics } = relay;
    const subject = await client.create(core.configMaps, { metadata: { namespace, name: 'subject' } });
    const recorder = new EventRecorder({
      client,
      controller: 'isochrone.dev/test',
      instance: 'test-0',
      logger,
      metrics,
    });
    const about = (note: string): void => {
      recorder.record(core.configMaps, subject, { type: 'Warning', reason: 'Unschedulable', action: 'Place', note });
    };
    about('no node fits');
    about('no node fits');
    await recorder.flush();
    about('no node fits');
    about('é'.repeat(2_000));
    recorder.record(core.configMaps, { metadata: {} }, { type: 'Normal', reason: 'Nameless', note: '' });
    await recorder.flush();
    const { items } = await client.list(core.events, {
      namespace,
      fieldSelector: `regarding.name=subject`,
    });
    const [series, long] = items.sort((one, other) => one.note!.length - other.note!.length);
    assert.equal(items.length, 2);
    assert.equal(series!.series?.count, 3);
    assert.equal(series!.regarding?.uid, subject.metadata.uid);
    assert.ok(Buffer.byteLength(long!.note!) <= 1024);
    const text = await relay.registry.metrics();
    assert.match(text, /event_recorder_events_total\{result="created"\} 2/);
    assert.match(text, /event_recorder_events_total\{result="aggregated"\} 2/);
    assert.match(text, /event_recorder_events_total\{result="dropped"\} 1/);
  });
});
