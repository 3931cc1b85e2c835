import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describedLayout, describeLayout, type LayoutDescription } from './layout-description.ts';
import { layoutOf, type RecordLayout } from './record-layout.ts';

const oneTensor = layoutOf([{ name: 'x', dataType: 'FP32', shape: [3, 4] }]);
const several = layoutOf([
  { name: 'ids', dataType: 'INT64', shape: [2] },
  { name: 'x', dataType: 'FP32', shape: [] },
]);
const text = layoutOf([{ name: 't', dataType: 'BYTES', shape: [], stringType: '<U12' }]);
const padded: RecordLayout = { ...oneTensor, recordBytes: 64 };

describe('a layout that an object tells', () => {
  for (const [name, layout] of Object.entries({ oneTensor, several, text, padded })) {
    test(`comes back as it was: ${name}`, () => {
      assert.deepEqual(describedLayout(describeLayout(layout), 'unused'), layout);
    });
  }

  test('is told by type and shape too, where it is one tensor and nothing else', () => {
    const { dataType, recordShape } = describeLayout(oneTensor);
    assert.deepEqual({ dataType, recordShape }, { dataType: 'FP32', recordShape: [3, 4] });
    for (const layout of [several, text, padded]) {
      const told = describeLayout(layout);
      assert.ok(
        !('dataType' in told) && !('recordShape' in told),
        'a program that reads no fields would read other bytes',
      );
    }
  });

  test('is read by type and shape alone, under the name that the reader knows', () => {
    assert.deepEqual(describedLayout({ dataType: 'FP32', recordShape: [3, 4] }, 'x'), oneTensor);
  });

  for (const [name, told] of Object.entries<LayoutDescription>({
    nothing: {},
    'a type without a shape': { dataType: 'FP32' },
    'fields without their record': { fields: [{ name: 'x', dataType: 'FP32', shape: [], offset: 0 }] },
  })) {
    test(`is refused: ${name}`, () => {
      assert.throws(() => describedLayout(told, 'x'), { code: 'SHAPE_INVALID', message: /recordBytes.*recordShape/ });
    });
  }
});
