import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { barText, ProgressBar } from './progress-bar.ts';

const clear = '\r\u001b[K';

function terminal(settings: { isTTY?: boolean; columns?: number }): { output: PassThrough; written: () => string } {
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), settings);
  return { output, written: () => (output.read() as string | null) ?? '' };
}

test('the bar is as full as the work is done', () => {
  const table: [done: number, total: number, filled: number][] = [
    [0, 24, 0],
    [6, 24, 6],
    [23, 24, 23],
    [24, 24, 24],
    [30, 24, 24],
    [0, 0, 0],
  ];
  for (const [done, total, filled] of table)
    assert.equal(barText(done, total), `[${'#'.repeat(filled)}${'.'.repeat(24 - filled)}] ${done}/${total}`);
});

test('on a terminal each line takes the place of the one before, and none is wider', () => {
  const { output, written } = terminal({ isTTY: true, columns: 50 });
  const bar = new ProgressBar(output, 'checking');
  bar.show(1, 2, 'shards');
  assert.equal(written(), `${clear}checking ${barText(1, 2)}  shards`);
  bar.show(2, 2, 'a note that is longer than the line');
  assert.equal(written().length, clear.length + 49);
  bar.end();
  bar.end();
  assert.equal(written(), clear);
});

test('a file or a pipe gets nothing', () => {
  const { output, written } = terminal({});
  const bar = new ProgressBar(output, 'checking');
  bar.show(1, 2);
  bar.end();
  assert.equal(written(), '');
});
