import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { taskFailures } from '@isochrone/api';
import { ApiError } from '@isochrone/kube';
import { TaskFailure, type FailureReason } from '../errors.ts';
import { parseStorageAccess } from './storage-access.ts';
import { failureOf, refusedResult, terminalStatus, type TaskResult } from './task-result.ts';

const now = Date.UTC(2030, 0, 1);

/** What SQLite throws when the disk is full. */
function sqliteFull(): unknown {
  using database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE t (x); PRAGMA max_page_count = 1');
  try {
    database.exec('INSERT INTO t VALUES (zeroblob(100000))');
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('terminal status', () => {
  test('of a batch: receipt, outputs, records', () => {
    const outputs = [
      { shardIndex: 1, records: 3, sha256: 'ab', sizeBytes: 9, stringLengths: [] },
      { shardIndex: 2, records: 4, sha256: 'cd', sizeBytes: 9, stringLengths: [] },
    ];
    assert.deepEqual(terminalStatus({ type: 'batch', batch: { receipt: Buffer.from('{}'), outputs } }, 7, now), {
      attempt: 7,
      completionTime: '2030-01-01T00:00:00Z',
      phase: 'Succeeded',
      recordsDone: 7,
      receipt: 'e30=',
      outputs: [
        { shardIndex: 1, records: 3, sha256: 'ab', sizeBytes: 9 },
        { shardIndex: 2, records: 4, sha256: 'cd', sizeBytes: 9 },
      ],
    });
  });

  for (const [failureClass, reasons] of Object.entries(taskFailures)) {
    for (const reason of reasons as readonly FailureReason[]) {
      test(`${reason} is of class ${failureClass}`, () => {
        const { failure } = terminalStatus(
          { type: 'failure', failure: new TaskFailure(reason, 'x'.repeat(5000)) },
          1,
          now,
        );
        assert.deepEqual([failure?.class, failure?.reason, failure?.message?.length], [failureClass, reason, 1024]);
      });
    }
  }

  test('a result that the schema refuses is a failure; any other error is not of the result', () => {
    const invalid = new ApiError('status.model.outputs[0].name: Too long', { status: 422 });
    const admission: TaskResult = { type: 'admission', model: { inputs: [], outputs: [], nanosecondsPerRecord: 1 } };
    const refused = refusedResult(admission, invalid);
    assert.equal(refused?.type, 'failure');
    assert.equal(refused.failure.reason, 'UnsupportedTensor');
    assert.match(refused.failure.message, /outputs\[0\]\.name: Too long/);
    assert.equal(refusedResult(admission, new ApiError('later', { status: 503 })), undefined);
    assert.equal(refusedResult(admission, new Error('socket')), undefined);
  });

  test("an unforeseen error is this program's, a full disk is a lack of capacity", () => {
    assert.equal(failureOf(new TypeError('x')).reason, 'AgentInternal');
    assert.equal(failureOf(Object.assign(new Error('x'), { code: 'ENOSPC' })).reason, 'OutOfCapacity');
    assert.equal(failureOf(sqliteFull()).reason, 'OutOfCapacity');
    assert.equal(failureOf('text').message, 'text');
  });
});

describe('storage access', () => {
  const access = {
    modelURL: 'https://s3/model?X-Amz-Signature=secret',
    inputURL: 'http://s3/input',
    outputs: [{ shardIndex: 0, url: 'https://s3/0', headers: { 'If-None-Match': '*' } }],
    expirationTime: '2030-01-01T00:00:00Z',
  };

  test('is read', () => assert.deepEqual(parseStorageAccess(JSON.stringify(access)), access));

  for (const [name, text] of [
    ['no JSON', 'secret'],
    ['null', 'null'],
    ['no model', JSON.stringify({ ...access, modelURL: undefined })],
    ['a file', JSON.stringify({ ...access, modelURL: 'file:///etc/secret' })],
    ['a time that is none', JSON.stringify({ ...access, expirationTime: 'secret' })],
    [
      'an output without headers',
      JSON.stringify({ ...access, outputs: [{ shardIndex: 0, url: 'https://s3/secret' }] }),
    ],
    ['headers that are no text', JSON.stringify({ ...access, outputs: [{ ...access.outputs[0], headers: { a: 1 } }] })],
  ] as const) {
    test(`refuses ${name}, and does not repeat it`, () => {
      assert.throws(
        () => parseStorageAccess(text),
        (error: unknown) =>
          error instanceof TaskFailure && error.reason === 'AgentInternal' && !error.message.includes('secret'),
      );
    });
  }
});
