import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOlder, judge, type Verdict } from './resource-version.ts';

describe('isOlder', () => {
  const table: [string | undefined, string | undefined, boolean][] = [
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['18446744073709551614', '18446744073709551615', true],
    ['v1', 'v2', false],
    ['010', '11', false],
    ['', '1', false],
    [undefined, '1', false],
    ['1', undefined, false],
  ];
  for (const [a, b, expected] of table) {
    test(`${a ?? 'none'} than ${b ?? 'none'}: ${expected}`, () => assert.equal(isOlder(a, b), expected));
  }
});

describe('judge', () => {
  const put = (version: string) => ({ removed: false, version });
  const removal = (version: string) => ({ removed: true, version });
  const table: [string, Parameters<typeof judge>, Verdict][] = [
    ['a change', [put('7'), '5', '6'], 'new'],
    ['a change that others overtook', [put('6'), '5', '7'], 'new'],
    ['a change again', [put('5'), '5', '6'], 'repeated'],
    ['a change that a newer one overtook', [put('4'), '5', '6'], 'outdated'],
    ['a new object', [put('7'), undefined, '6'], 'new'],
    ['an unknown object of the past', [put('5'), undefined, '6'], 'unclear'],
    ['an unknown object at the version of the stream', [put('6'), undefined, '6'], 'new'],
    ['an object of a sync', [put('5'), undefined, undefined], 'new'],
    ['a deletion', [removal('7'), '5', '6'], 'new'],
    ['a deletion that others overtook', [removal('6'), '5', '7'], 'new'],
    ['a deletion at the version of the object', [removal('5'), '5', '6'], 'new'],
    ['a deletion before the object was made again', [removal('4'), '5', '6'], 'outdated'],
    ['a deletion of what is unknown', [removal('4'), undefined, '6'], 'new'],
    ['a change whose version has no order', [put('b'), 'a', 'c'], 'new'],
  ];
  for (const [what, parameters, expected] of table) {
    test(`${what}: ${expected}`, () => assert.equal(judge(...parameters), expected));
  }
});
