import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completionOf, completionText, type Completion } from './complete.ts';
import { kubectlProgram } from './program.ts';

const at = (...words: string[]): Completion => completionOf(kubectlProgram(), words);
const values = (...words: string[]): string[] => at(...words).candidates.map(({ value }) => value);

test('verbs, also those below others', () => {
  assert.deepEqual(values('dr'), ['drain']);
  assert.deepEqual(values('model', ''), ['add', 'approve']);
  assert.deepEqual(values('top', 'n'), ['nodes']);
  assert.deepEqual(values('top', 'edges', 'x'), [], 'an alias is a verb like its name');
  assert.ok(values('').includes('why'));
  assert.deepEqual(values('-n', 'why', 'dr'), ['drain'], 'the value of a flag is no verb');
});

test('flags of the command, and those that every command takes', () => {
  assert.deepEqual(values('drain', '--h'), ['--hand-over']);
  assert.deepEqual(values('drain', '--k'), ['--kubeconfig']);
  assert.deepEqual(values('drain', '--rm'), []);
  assert.ok(values('nodes', '-').includes('-w'));
});

test('values of flags', () => {
  const formats = ['json', 'yaml', 'wide', 'name'];
  assert.deepEqual(values('nodes', '-o', ''), formats);
  const joined = at('nodes', '--output=j');
  assert.deepEqual([joined.prefix, joined.word, joined.candidates.length], ['--output=', 'j', 4]);
  assert.deepEqual(values('model', 'add', 'm:1', '--numeric-profile', ''), ['FP32Strict', 'FP32']);
});

test('what only the server knows is asked from it', () => {
  const table: [words: string[], sources: string[]][] = [
    [['why', ''], ['jobs']],
    [['results', 'job/'], ['jobs']],
    [['why', 'job/x', ''], []],
    [
      ['cordon', ''],
      ['nodes', 'clusters'],
    ],
    [
      ['drain', '--timeout', '5m', 'f'],
      ['nodes', 'clusters'],
    ],
    [
      ['events', ''],
      ['jobs', 'nodes', 'clusters'],
    ],
    [['run', ''], ['models']],
    [['edge', 'credentials', ''], ['clusters']],
    [['nodes', '--cluster', ''], ['clusters']],
    [['why', '-n', ''], ['namespaces']],
    [['why', '--namespace=v'], ['namespaces']],
    [['--context', ''], ['contexts']],
    [['nodes', '-w', ''], []],
  ];
  for (const [words, sources] of table) assert.deepEqual(at(...words).sources, sources, words.join(' '));
});

test('the server is the one that the line names', () => {
  assert.deepEqual(at('--context', 'c', 'why', '--kubeconfig=k', '-n', 'vision', 'x').connection, {
    ...{ context: 'c', kubeconfig: 'k', namespace: 'vision' },
  });
  assert.deepEqual(at('why', '-o', 'json', 'x').connection, {});
});

test('files may stand where files are meant', () => {
  const table: [words: string[], files: boolean][] = [
    [['run', '--file', ''], true],
    [['results', 'job/x', '-o', ''], true],
    [['--kubeconfig', ''], true],
    [['run', '--budget', ''], false],
    [['why', ''], false],
  ];
  for (const [words, files] of table) assert.equal(at(...words).files, files, words.join(' '));
});

test('the answer is what Cobra writes: candidates that fit, and a directive', () => {
  const candidates = [{ value: 'job/a', description: 'Running' }, { value: 'job/b', description: '' }, { value: 'x' }];
  assert.equal(completionText(at('why', 'job/'), candidates), 'job/a\tRunning\njob/b\n:4\n');
  assert.equal(completionText(at('nodes', '--output=j'), [{ value: 'json' }]), '--output=json\n:4\n');
  assert.equal(completionText(at('run', '-f', ''), []), ':0\n');
});
