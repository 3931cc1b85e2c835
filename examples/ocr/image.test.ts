import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'fast-png';
import { CHANNELS, HEIGHT, modelInput } from './image.ts';

type Pixel = (x: number, y: number, channel: number) => number;

function png(width: number, height: number, channels: 1 | 3 | 4, pixel: Pixel): Uint8Array {
  const data = Uint8Array.from({ length: width * height * channels }, (_, index) => {
    const [at, channel] = [Math.floor(index / channels), index % channels];
    return pixel(at % width, Math.floor(at / width), channel);
  });
  return encode({ width, height, channels, data });
}

/** The value of an input of the width, back on the scale of the image. */
const level = (input: Float32Array, width: number, x: number, y: number, channel = 0): number =>
  Math.round((input[(channel * HEIGHT + y) * width + x]! + 1) * 127.5 * 1000) / 1000;

test('an image of 48 rows is taken as it is, and there are zeros to the right of it', () => {
  const input = modelInput(
    png(5, HEIGHT, 3, (x, y, channel) => x * 40 + y + channel),
    8,
  );
  assert.equal(input.length, CHANNELS * HEIGHT * 8);
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < 5; x += 1) assert.equal(level(input, 8, x, y, channel), x * 40 + y + channel);
      assert.deepEqual([...input.subarray((channel * HEIGHT + y) * 8 + 5, (channel * HEIGHT + y) * 8 + 8)], [0, 0, 0]);
    }
  }
});

test('black is -1 and white 1', () => {
  const input = modelInput(
    png(2, HEIGHT, 1, (x) => x * 255),
    2,
  );
  assert.deepEqual([...input.subarray(0, 2)], [-1, 1]);
});

test('grey is in every channel, and transparency is not looked at', () => {
  const grey = modelInput(
    png(2, HEIGHT, 1, (_, y) => y),
    2,
  );
  const rgba = modelInput(
    png(2, HEIGHT, 4, (_, y, channel) => (channel === 3 ? 7 : y)),
    2,
  );
  assert.deepEqual(grey, rgba);
  assert.equal(level(grey, 2, 0, 9, 2), 9);
});

test('half as many rows: proportions are kept, and pixels lie centre on centre', () => {
  const input = modelInput(
    png(2, HEIGHT / 2, 1, (x) => (x === 0 ? 0 : 100)),
    6,
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((x) => level(input, 6, x, 0)),
    [0, 25, 75, 100],
  );
  assert.deepEqual([...input.subarray(4, 6)], [0, 0]);
});

test('a line that is too long is compressed into the width', () => {
  const input = modelInput(
    png(8, HEIGHT, 1, (x) => x * 20),
    4,
  );
  assert.deepEqual(
    [0, 1, 2, 3].map((x) => level(input, 4, x, 20)),
    [10, 50, 90, 130],
  );
});

test('16 bits are refused with what to do', () => {
  const deep = encode({ width: 1, height: 1, channels: 1, depth: 16, data: new Uint16Array(1) });
  assert.throws(() => modelInput(deep, 1), /16 bits per sample; save it with 8/);
});
