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
      assert.deepEqual(describedLayout(describeLayout(layout), 'x'), layout);
    });
  }

  test('is told by type and shape alone where it is one tensor and nothing else', () => {
    assert.deepEqual(describeLayout(oneTensor), { dataType: 'FP32', recordShape: [3, 4] });
    for (const layout of [several, text, padded])
      assert.deepEqual(Object.keys(describeLayout(layout)).sort(), ['fields', 'recordBytes']);
  });

  test('is read by fields also where it is one tensor', () => {
    const { fields, recordBytes } = oneTensor;
    const told = { recordBytes, fields: fields.map((field) => ({ ...field, shape: [...field.shape] })) };
    assert.deepEqual(describedLayout(told, 'unused'), oneTensor);
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
