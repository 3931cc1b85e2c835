import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@isochrone/kube/testing';
import { HubContact } from './hub-contact.ts';

test('a scheduler that the hub does not answer any more is not ready, and is again when it does', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  let isAway = false;
  const contact = new HubContact({
    clock,
    probe: async () => {
      if (isAway) throw new Error('401 Unauthorized');
    },
  });
  const running = contact.run(stop.signal);
  await clock.advance(60_000);
  assert.equal(contact.readiness(), true);
  isAway = true;
  await clock.advance(20_000);
  assert.equal(contact.readiness(), true, 'a restart of the API server is no reason');
  await clock.advance(20_000);
  assert.match(String(contact.readiness()), /not answered for (3|4)\d s.*401 Unauthorized/);
  isAway = false;
  await clock.advance(6_000);
  assert.equal(contact.readiness(), true);
  stop.abort();
  await clock.advance(1);
  await running;
});
