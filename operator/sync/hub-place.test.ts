import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offeredPlace, type HubPlace } from './hub-place.ts';

const known: HubPlace = { server: 'https://hub.example', ca: 'old\n' };

const offers: [what: string, offer: Partial<HubPlace>, known: HubPlace, expected: HubPlace | undefined][] = [
  ['nothing is said', {}, known, undefined],
  ['the same, written otherwise', { server: known.server, ca: 'old' }, known, undefined],
  ['another authority', { ca: 'old\nnew\n' }, known, { server: known.server, ca: 'old\nnew\n' }],
  ['another address', { server: 'https://moved.example' }, known, { server: 'https://moved.example', ca: 'old\n' }],
  [
    'another address of a hub that was publicly trusted',
    { server: 'https://moved.example' },
    { server: known.server },
    { server: 'https://moved.example' },
  ],
];
for (const [what, offer, from, expected] of offers) {
  test(`the place of the hub: ${what}`, () => assert.deepEqual(offeredPlace(offer, from), expected));
}
