import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFleet, makeRequest, rejectOf } from '../../testing/fixtures.ts';
import { trustedClass } from './trusted-class.ts';

const fleet = makeFleet({ name: 'edge' }, { name: 'court', cluster: { trusted: true } });

const cases = [
  { name: 'ordinary work goes to edge clusters', trusted: false, member: 'edge', rejected: undefined },
  { name: 'ordinary work never goes to trusted ones', trusted: false, member: 'court', rejected: /takes no ordinary/ },
  { name: 'trusted work goes to trusted clusters', trusted: true, member: 'court', rejected: undefined },
  { name: 'trusted work never goes to edge ones', trusted: true, member: 'edge', rejected: /is not of class Trusted/ },
];

for (const { name, trusted, member, rejected } of cases) {
  test(name, () => {
    const reason = rejectOf(trustedClass, fleet, makeRequest({ trusted }), member);
    if (rejected === undefined) assert.equal(reason, undefined);
    else assert.match(reason ?? '', rejected);
  });
}
