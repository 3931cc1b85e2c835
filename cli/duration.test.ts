import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration } from './duration.ts';

test('durations are written as kubectl takes them', () => {
  const table: [string, number][] = [
    ['0', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1m500ms', 60_500],
  ];
  for (const [text, milliseconds] of table) assert.equal(parseDuration('--timeout', text), milliseconds, text);
});

test('what is no duration is refused with the flag, the value and the remedy', () => {
  for (const text of ['', '5', '-5m', '5 m', '1d', 'm', '5mx', '1.5h'])
    assert.throws(() => parseDuration('--timeout', text), {
      code: 'USAGE',
      message: `--timeout is ${JSON.stringify(text)}; write a duration such as 90s, 5m or 1h30m, or 0`,
    });
});
