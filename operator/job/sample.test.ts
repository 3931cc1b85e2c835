import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composedRecords, sampleOf } from './sample.ts';
import { makeJob } from './testing/objects.ts';

test('a re-execution is never larger than the window, hides its sample, and contains it', () => {
  for (let percent = 1; percent <= 100; percent++) {
    const job = makeJob({ verification: { mode: 'Sampled', minSamplePercent: percent } });
    for (const window of [1, 2, 10, 63, 64, 1000, 4096]) {
      const sample = sampleOf(job, window);
      const records = composedRecords(sample, window);
      assert.ok(records <= window, `${percent} % of ${window}: ${records}`);
      assert.ok(sample === 'All' ? records === window : records > sample, `${percent} % of ${window}: ${records}`);
    }
  }
});
