import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveness, observe, type Contact, type Liveness } from './lease-tracker.ts';

const term = 40_000;
type Look = readonly [at: number, renewTime: string | undefined];

const table: { name: string; looks: Look[]; at: number; expected: Liveness }[] = [
  { name: 'no renewal ever', looks: [[0, undefined]], at: term * 10, expected: 'NeverSeen' },
  { name: 'a first look proves nothing', looks: [[0, 'a']], at: 1, expected: 'Undecided' },
  { name: 'a first look grants a full term', looks: [[500, 'a']], at: 500 + term - 1, expected: 'Undecided' },
  { name: 'and no more', looks: [[500, 'a']], at: 500 + term, expected: 'Lost' },
  {
    name: 'a change is life',
    looks: [
      [0, 'a'],
      [10, 'b'],
    ],
    at: 11,
    expected: 'Alive',
  },
  {
    name: 'the first renewal is life',
    looks: [
      [0, undefined],
      [10, 'b'],
    ],
    at: 11,
    expected: 'Alive',
  },
  {
    name: 'until a term after it',
    looks: [
      [0, 'a'],
      [10, 'b'],
    ],
    at: 10 + term - 1,
    expected: 'Alive',
  },
  {
    name: 'and not longer',
    looks: [
      [0, 'a'],
      [10, 'b'],
    ],
    at: 10 + term,
    expected: 'Lost',
  },
  {
    name: 'looking again is not renewing',
    looks: [
      [0, 'a'],
      [10, 'b'],
      [9000, 'b'],
    ],
    at: 10 + term,
    expected: 'Lost',
  },
  {
    name: 'a renewTime in the past counts as well',
    looks: [
      [0, '2030'],
      [10, '1970'],
    ],
    at: 11,
    expected: 'Alive',
  },
  {
    name: 'a renewTime that was removed is no renewal',
    looks: [
      [0, 'a'],
      [10, 'b'],
      [20, undefined],
    ],
    at: 10 + term,
    expected: 'Lost',
  },
  {
    name: 'back from the dead',
    looks: [
      [0, 'a'],
      [term * 3, 'b'],
    ],
    at: term * 3 + 1,
    expected: 'Alive',
  },
];

for (const { name, looks, at, expected } of table) {
  test(`lease: ${name}`, () => {
    let contact: Contact | undefined;
    for (const [now, renewTime] of looks) contact = observe(contact, renewTime, now, term);
    assert.equal(liveness(contact!, at), expected);
  });
}
