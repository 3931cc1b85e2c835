import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition, isConditionTrue, setCondition, type Condition } from './conditions.ts';

const ready: Condition = {
  type: 'Ready',
  status: 'False',
  reason: 'Starting',
  message: '',
  lastTransitionTime: '2030-01-01T00:00:00Z',
  observedGeneration: 3,
};
const later = Date.UTC(2030, 0, 1, 0, 1, 0, 500);

describe('setCondition', () => {
  test('adds, in whole seconds', () => {
    const condition = {
      type: 'Ready',
      status: 'False',
      reason: 'Starting',
      message: '',
      observedGeneration: 3,
    } as const;
    assert.deepEqual(setCondition(undefined, condition, later), [
      { ...ready, lastTransitionTime: '2030-01-01T00:01:00Z' },
    ]);
  });
  test('keeps the transition time while the status is unchanged', () => {
    const [changed] = setCondition([ready], { ...ready, reason: 'Pulling' }, later);
    assert.deepEqual(changed, { ...ready, reason: 'Pulling' });
  });
  test('moves it when the status changes', () => {
    const [changed] = setCondition([ready], { ...ready, status: 'True', reason: 'Started' }, later);
    assert.equal(changed?.lastTransitionTime, '2030-01-01T00:01:00Z');
  });
  test('returns the same list when nothing changed', () => {
    const list = [ready];
    assert.equal(setCondition(list, { ...ready }, later), list);
  });
  test('observedGeneration does not go back, and survives a condition without one', () => {
    assert.equal(setCondition([ready], { ...ready, observedGeneration: 2 }, later)[0]?.observedGeneration, 3);
    const without = { type: 'Ready', status: 'False', reason: 'Starting', message: '' } as const;
    assert.equal(setCondition([ready], without, later)[0]?.observedGeneration, 3);
  });
  test('leaves other conditions and their order', () => {
    const other = { ...ready, type: 'Trusted' };
    const list = setCondition([ready, other], { ...ready, message: 'm' }, later);
    assert.deepEqual(
      list.map((condition) => condition.type),
      ['Ready', 'Trusted'],
    );
    assert.equal(list[1], other);
  });
  test('reading', () => {
    assert.equal(findCondition([ready], 'Ready'), ready);
    assert.equal(isConditionTrue([ready], 'Ready'), false);
    assert.equal(isConditionTrue(undefined, 'Ready'), false);
    assert.equal(isConditionTrue([{ ...ready, status: 'True' }], 'Ready'), true);
  });
});
