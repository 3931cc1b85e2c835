import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, RecordingLogger } from '@isochrone/kube/testing';
import { Registry } from 'prom-client';
import { LedgerWatch } from './ledger-watch.ts';
import { OperatorMetrics } from './metrics.ts';

test('the operator waits while the ledger is away, tells it, and goes on when it is back', async () => {
  const clock = new FakeClock();
  const operatorMetrics = new OperatorMetrics(new Registry());
  let failure: Error | undefined = new Error('PostgreSQL is away');
  const watch = new LedgerWatch({
    ledger: {
      async balance() {
        if (failure) throw failure;
        return 0n;
      },
    },
    logger: new RecordingLogger(),
    operatorMetrics,
    clock,
    pollSeconds: 5,
  });
  const up = async (): Promise<number | undefined> => (await operatorMetrics.ledgerUp.get()).values[0]?.value;
  const stop = new AbortController();
  assert.equal(watch.check(), 'the ledger was not asked yet');

  // Away from the start
  const running = watch.run(stop.signal);
  const waiting = watch.untilUp(stop.signal).then(() => 'up');
  await clock.advance(5_000);
  assert.equal(watch.check(), 'PostgreSQL is away');
  assert.equal(await up(), 0);
  assert.equal(await Promise.race([waiting, Promise.resolve('waits')]), 'waits');

  // Then there
  failure = undefined;
  await clock.advance(5_000);
  assert.equal(await waiting, 'up');
  assert.equal(watch.check(), true);
  assert.equal(await up(), 1);
  await watch.untilUp(stop.signal);

  // Then away again, until the operator is stopped
  failure = new Error('killed');
  await watch.ask();
  assert.equal(watch.check(), 'killed');
  const last = watch.untilUp(stop.signal);
  stop.abort();
  await Promise.all([last, running]);
});
