import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createTensor, dataTypes, typedView, type DataType } from '@isochrone/tensor';
import { TaskFailure } from '../errors.ts';
import type { ModelFormat } from '../runtime/model-format.ts';
import { DeviceLedger } from './device-ledger.ts';
import { measuredLayout } from './measured-layout.ts';
import { pseudoRandomRows } from './pseudo-random.ts';

describe('device ledger', () => {
  const ledger = (): DeviceLedger => new DeviceLedger(new Map([['d', { memoryBytes: 100, slots: 2 }]]));

  test('refuses what does not fit, and says what is missing', () => {
    const held = ledger();
    assert.match(held.reserve('a', { deviceUUID: 'e', memoryBytes: 1 })!, /device e is not on this node/);
    assert.match(held.reserve('a', { deviceUUID: 'd', memoryBytes: 101 })!, /needs 101 bytes .* 100 are free/);
    assert.equal(held.reserve('a', { deviceUUID: 'd', memoryBytes: 60 }), undefined);
    assert.match(held.reserve('b', { deviceUUID: 'd', memoryBytes: 41 })!, /40 are free/);
    assert.equal(held.reserve('b', { deviceUUID: 'd', memoryBytes: 40 }), undefined);
    assert.match(held.reserve('c', { deviceUUID: 'd', memoryBytes: 0 })!, /all 2 slots/);
    held.release('a');
    assert.equal(held.reserve('c', { deviceUUID: 'd', memoryBytes: 60 }), undefined);
  });

  test('never holds more than there is', () => {
    const command = fc.record({ task: fc.constantFrom('a', 'b', 'c', 'd'), bytes: fc.nat(120), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        const held = ledger();
        const model = new Map<string, number>();
        for (const { task, bytes, release } of commands) {
          if (release) {
            held.release(task);
            model.delete(task);
          } else if (!model.has(task) && held.reserve(task, { deviceUUID: 'd', memoryBytes: bytes }) === undefined) {
            model.set(task, bytes);
          }
          assert.ok(model.size <= 2);
          assert.ok([...model.values()].reduce((sum, each) => sum + each, 0) <= 100);
        }
      }),
    );
  });
});

describe('inputs to measure with', () => {
  const numeric = (Object.keys(dataTypes) as DataType[]).filter((dtype) => dataTypes[dtype].npyDescr !== undefined);
  for (const dataType of numeric) {
    test(`${dataType}: the same each time, valid, and not constant`, () => {
      const rows = pseudoRandomRows(dataType, [4, 5], 7);
      assert.deepEqual(rows, pseudoRandomRows(dataType, [4, 5], 7));
      const values = [...typedView(createTensor(dataType, [4, 5], rows))];
      assert.equal(values.length, 20);
      assert.ok(new Set(values).size > 1);
      // FP16 is read as bits: 0x3800 is 0.5, 0x3c00 is 1.
      const [low, high] =
        dataType === 'FP16' ? [0x3800, 0x3c00] : dataType === 'FP32' || dataType === 'FP64' ? [0.5, 1] : [0, 2];
      assert.ok(values.every((value) => value >= low && value < high));
    });
  }
});

describe('records to measure with', () => {
  const format = (...shapes: number[][]): ModelFormat => ({
    inputs: shapes.map((shape, index) => ({ name: ['x', 'z'][index]!, dataType: 'FP32', shape })),
    outputs: [{ name: 'y', dataType: 'FP32', shape: [-1] }],
    fixedBatch: undefined,
  });
  const shapesOf = (...given: Parameters<typeof measuredLayout>): unknown =>
    measuredLayout(...given).fields.map(({ shape }) => shape);

  test("have the model's shape where that is fixed, else what is asked for", () => {
    assert.deepEqual(shapesOf(format([-1, 3, 48]), undefined), [[3, 48]]);
    assert.deepEqual(shapesOf(format([-1, 3, -1]), [{ shape: [3, 320] }]), [[3, 320]]);
    assert.deepEqual(shapesOf(format([-1, 3], [-1, -1]), [{ input: 'z', shape: [7] }]), [[3], [7]]);
  });

  for (const [name, model, recordShapes, message] of [
    ['a dynamic axis', format([-1, 3, 48, -1]), undefined, /axis 3 of input "x"/],
    ['a dynamic axis of one of several', format([-1, 3], [-1, -1]), undefined, /axis 1 of input "z".*recordShapes/],
    ['a shape of another rank', format([-1, 3, -1]), [{ shape: [3] }], /recordShape \[3\] does not fit/],
    ['a shape of another size', format([-1, 3, -1]), [{ shape: [4, 320] }], /\[4, 320\] does not fit/],
    ['a shape of no input', format([-1, -1]), [{ input: 'q', shape: [4] }], /names "q", the model has the inputs x/],
    ['one shape for several', format([-1, -1], [-1, -1]), [{ shape: [4] }], /for a model with one input/],
  ] as const) {
    test(`need a shape: ${name}`, () => {
      assert.throws(
        () =>
          measuredLayout(
            model,
            recordShapes?.map(({ shape, ...input }) => ({ ...input, shape: [...shape] })),
          ),
        (error: unknown) =>
          error instanceof TaskFailure && error.reason === 'NeedsRecordShape' && message.test(error.message),
      );
    });
  }
});
