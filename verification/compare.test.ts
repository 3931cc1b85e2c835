import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createTensor, encodeBytesElements, tensorOf, type Tensor } from '@isochrone/tensor';
import { compareRecords, compareTensors } from './compare.ts';
import { defaultTolerance, modelTolerance, numericProfiles } from './tolerance.ts';

const strict = defaultTolerance('fp32-strict', 'CrossClass');
const f32 = (...values: number[]) => tensorOf('FP32', [values.length], Float32Array.from(values));
const f64 = (...values: number[]) => tensorOf('FP64', [values.length], Float64Array.from(values));
const u16 = (dtype: 'FP16' | 'BF16', ...bits: number[]) => ({
  ...tensorOf('UINT16', [bits.length], Uint16Array.from(bits)),
  dtype,
});
const bytes = (...texts: string[]) =>
  createTensor('BYTES', [texts.length], encodeBytesElements(texts.map((text) => Buffer.from(text))));

const ramp = Array.from({ length: 2_000 }, (_, index) => Math.sin(index) + 2);
const scaled = (factor: number) => f32(...ramp.map((value) => value * factor));

describe('compareTensors', () => {
  const cases: readonly [string, Tensor, Tensor, string, string][] = [
    ['the same bits', f32(1, 2), f32(1, 2), 'pass', 'Equal'],
    ['the same NaN', f32(NaN), f32(NaN), 'pass', 'Equal'],
    ['NaN with another payload', u16('FP16', 0x7e00), u16('FP16', 0x7e01), 'pass', 'WithinTolerance'],
    ['-0 for 0', f32(0, 1), f32(-0, 1), 'pass', 'WithinTolerance'],
    ['rounding noise', scaled(1), scaled(1 + 1e-6), 'pass', 'WithinTolerance'],
    ['twice the tolerance', scaled(1), scaled(1 + 2e-4), 'inconclusive', 'BeyondTolerance'],
    ['twenty times the tolerance', scaled(1), scaled(1 + 2e-3), 'fail', 'FarBeyondTolerance'],
    ['another sign', scaled(1), scaled(-1), 'fail', 'FarBeyondTolerance'],
    ['zeros for values', scaled(1), scaled(0), 'fail', 'FarBeyondTolerance'],
    ['values for zeros', scaled(0), scaled(1), 'fail', 'FarBeyondTolerance'],
    ['noise for zeros', f32(0, 0), f32(1e-9, 0), 'pass', 'WithinTolerance'],
    ['NaN for a value', f32(1, 2), f32(1, NaN), 'fail', 'NonFiniteMismatch'],
    ['a value for NaN', f32(1, NaN), f32(1, 2), 'fail', 'NonFiniteMismatch'],
    ['infinity with the other sign', f32(Infinity, 1), f32(-Infinity, 1), 'fail', 'NonFiniteMismatch'],
    ['infinity in place', f32(Infinity, 1), f32(Infinity, 1.000001), 'pass', 'WithinTolerance'],
    ['another shape', f32(1, 2), { ...f32(1, 2), shape: [2, 1] }, 'fail', 'ShapeMismatch'],
    ['another datatype', f32(1), { ...f32(1), dtype: 'INT32' }, 'fail', 'DatatypeMismatch'],
    [
      'an integer off by one',
      tensorOf('INT32', [1], Int32Array.of(7)),
      tensorOf('INT32', [1], Int32Array.of(8)),
      'fail',
      'ExactMismatch',
    ],
    [
      'another boolean',
      tensorOf('BOOL', [1], Uint8Array.of(0)),
      tensorOf('BOOL', [1], Uint8Array.of(1)),
      'fail',
      'ExactMismatch',
    ],
    ['another text', bytes('a', 'b'), bytes('a', 'c'), 'fail', 'ExactMismatch'],
    ['squares that overflow', f64(1e300, 2e300), f64(1e300, 2.000000001e300), 'pass', 'WithinTolerance'],
    ['bf16 one step off', u16('BF16', 0x3f80), u16('BF16', 0x3f81), 'fail', 'FarBeyondTolerance'],
    ['fp16 one step off', u16('FP16', 0x3c00), u16('FP16', 0x3c01), 'inconclusive', 'BeyondTolerance'],
    ['an answer that flips within noise', f32(1, 1.00001), f32(1.00001, 1), 'pass', 'WithinTolerance'],
  ];
  for (const [name, reference, candidate, outcome, reason] of cases) {
    test(`${name}: ${outcome}`, () => {
      const compared = compareTensors(reference, candidate, strict);
      assert.deepEqual([compared.outcome, compared.reason], [outcome, reason], JSON.stringify(compared));
    });
  }

  test('top-1 counts along the last axis, by its margin', () => {
    // A long row, so that the flip of two elements hardly moves the norm.
    const row = (a: number, b: number) => ({ ...f32(...new Array<number>(998).fill(1), a, b), shape: [1, 1000] });
    const loose = { ...strict, relativeL2: 1, absolute: 0.01, relative: 0, cosineDistance: 1 };
    const tied = compareTensors(row(2.01, 2), row(2, 2.01), loose);
    assert.deepEqual([tied.outcome, tied.top1], ['pass', 'tied']);
    const soft = compareTensors(row(2.1, 2), row(2, 2.1), loose);
    assert.deepEqual([soft.outcome, soft.reason, soft.top1], ['inconclusive', 'Top1Differs', 'differs']);
    const hard = compareTensors(row(2.5, 2), row(2, 2.5), loose);
    assert.deepEqual([hard.outcome, hard.reason], ['fail', 'Top1Differs']);
    assert.equal(compareTensors(row(2.5, 2), row(2, 2.5), { ...loose, top1: false }).top1, 'notApplicable');
  });

  test('single elements far off are not proof, only doubt', () => {
    const values = ramp.with(0, 1e-3).with(1, 1e-3).with(2, 1e-3);
    const candidate = f32(...values.with(0, 2e-3).with(1, 2e-3).with(2, 2e-3));
    const compared = compareTensors(f32(...values), candidate, strict);
    assert.equal(compared.elementsWithin, 0.9985);
    assert.deepEqual([compared.outcome, compared.reason], ['inconclusive', 'BeyondTolerance']);
  });

  test('measures what it says', () => {
    const { relativeL2, maxAbsolute, elementsWithin, cosineDistance } = compareTensors(f64(3, 4), f64(3, 4.5), strict);
    assert.ok(Math.abs(relativeL2 - 0.1) < 1e-12);
    assert.ok(Math.abs(maxAbsolute - 0.5) < 1e-12);
    assert.equal(elementsWithin, 0.5);
    assert.ok(Math.abs(cosineDistance - (1 - (9 + 18) / (5 * Math.hypot(3, 4.5)))) < 1e-12);
  });

  test('noise below the tolerance passes, noise above ten times it fails, for every profile', () => {
    const noise = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 64, maxLength: 64 });
    for (const profile of numericProfiles) {
      const tolerance = { ...defaultTolerance(profile, 'SameClass'), top1: false };
      fc.assert(
        fc.property(noise, (signs) => {
          const values = signs.map((_, index) => 1 + (index % 7));
          const perturbed = (size: number) =>
            f64(...values.map((value, index) => value * (1 + size * (signs[index]! < 0 ? -1 : 1))));
          assert.equal(
            compareTensors(f64(...values), perturbed(tolerance.relativeL2 * 0.9), tolerance).outcome,
            'pass',
          );
          assert.equal(
            compareTensors(f64(...values), perturbed(tolerance.relativeL2 * 5), tolerance).outcome,
            'inconclusive',
          );
          assert.equal(compareTensors(f64(...values), perturbed(tolerance.relativeL2 * 11), tolerance).outcome, 'fail');
        }),
        { numRuns: 30 },
      );
    }
  });

  test('figures are always finite numbers', () => {
    const any = fc.array(fc.tuple(fc.float({ noDefaultInfinity: false }), fc.float()), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(any, (pairs) => {
        const compared = compareTensors(f32(...pairs.map(([a]) => a)), f32(...pairs.map(([, b]) => b)), {
          ...strict,
          absolute: 0,
        });
        for (const figure of Object.values(compared))
          assert.ok(typeof figure === 'string' || Number.isFinite(figure), JSON.stringify(compared));
      }),
    );
  });
});

describe('compareRecords', () => {
  const named = (name: string, tensor: Tensor) => ({ name, tensor });

  test('the worst output decides', () => {
    const reference = [named('a', f32(1)), named('b', f32(1)), named('c', f32(1))];
    const compared = compareRecords(
      reference,
      [named('c', f32(1.0002)), named('b', f32(2)), named('a', f32(1))],
      () => strict,
    );
    assert.deepEqual([compared.outcome, compared.reason], ['fail', 'FarBeyondTolerance']);
    assert.deepEqual(
      Object.entries(compared.outputs).map(([name, { outcome }]) => [name, outcome]),
      [
        ['a', 'pass'],
        ['b', 'fail'],
        ['c', 'inconclusive'],
      ],
    );
    const passed = compareRecords(reference.slice(0, 2), [named('a', f32(1)), named('b', f32(1.000001))], () => strict);
    assert.deepEqual([passed.outcome, passed.reason], ['pass', 'WithinTolerance']);
  });

  test('outputs that are missing, extra or doubled fail', () => {
    const [a, b] = [named('a', f32(1)), named('b', f32(1))];
    for (const candidate of [[a], [a, b, named('c', f32(1))], [a, a], [a, named('c', f32(1))], []]) {
      assert.equal(compareRecords([a, b], candidate, () => strict).reason, 'OutputsMismatch');
    }
  });
});

describe('defaultTolerance', () => {
  test('refuses what it has no figures for', () => {
    assert.throws(() => defaultTolerance('fp4', 'SameClass'), {
      code: 'PROFILE_UNKNOWN',
      message: /"fp4".*fp32-strict/,
    });
    assert.throws(() => defaultTolerance('toString', 'SameClass'), { code: 'PROFILE_UNKNOWN' });
    assert.throws(() => defaultTolerance('int8', 'CrossClass'), { code: 'PROFILE_CLASS' });
  });
});

describe('modelTolerance', () => {
  const model = { numericProfile: 'FP32Strict' } as const;

  test('an output of half precision is given what its own rounding needs', () => {
    for (const relation of ['SameClass', 'CrossClass'] as const) {
      const tolerance = modelTolerance(model, 'FP16', relation);
      const reference = Array.from({ length: 64 }, (_, index) => 0x3c00 + index);
      // The last bit of every fifth value rounded the other way.
      const candidate = reference.map((bits, index) => (index % 5 === 0 ? bits ^ 1 : bits));
      assert.equal(
        compareTensors(u16('FP16', ...reference), u16('FP16', ...candidate), { ...tolerance, top1: false }).outcome,
        'pass',
      );
    }
    assert.deepEqual(modelTolerance(model, 'FP32', 'SameClass'), defaultTolerance('fp32-strict', 'SameClass'));
    assert.deepEqual(
      modelTolerance({ numericProfile: 'FP32' }, 'FP32', 'CrossClass'),
      defaultTolerance('tf32', 'CrossClass'),
    );
  });

  test("the model's own figures count, whatever its output is", () => {
    const own = modelTolerance({ ...model, tolerance: { relativeL2: '1e-3', absolute: '0' } }, 'FP16', 'SameClass');
    assert.deepEqual([own.relativeL2, own.absolute, own.relative], [1e-3, 0, 2e-2]);
    assert.ok(own.cosineDistance >= own.relativeL2 ** 2 / 2);
  });
});
