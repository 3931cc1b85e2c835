import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { lacksProc, startDemo } from './demo-process.ts';

const sections = [
  'WHAT WAS READ',
  'WHERE EACH SHARD RAN',
  'WHY',
  'PREDICTED AGAINST MEASURED TIME',
  'VERDICTS',
  'THE BILL',
  'WHAT MUST HOLD',
];

const folder = mkdtempSync(join(tmpdir(), 'demo-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('the demo shows all that it promises, and leaves nothing', { skip: lacksProc, timeout: 300_000 }, async () => {
  // Given a user with an empty home and an empty folder for temporary files
  const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
  for (const made of [home, temporary]) mkdirSync(made);

  // When the demo runs to its end
  const demo = startDemo({ HOME: home, TMPDIR: temporary });
  const [report, folders] = await Promise.all([
    text(demo.child.stdout),
    demo.reached('the job is complete').then(() => demo.folders()),
    once(demo.child, 'exit'),
  ]);

  // Then everything held
  assert.equal(demo.child.exitCode, 0, report);
  for (const title of sections) assert.match(report, new RegExp(`^${title}\\b`, 'm'));
  assert.match(report, /^ {2}ok {3}/m);
  assert.doesNotMatch(report, /FAIL/);

  // And no process, and so no port, and no file is left
  assert.ok(folders.length > 0, 'the demo had processes with folders of their own');
  assert.deepEqual([...demo.processes()], []);
  assert.deepEqual(folders.filter(existsSync), []);
  for (const made of [home, temporary]) assert.deepEqual(readdirSync(made, { recursive: true }), []);
});
