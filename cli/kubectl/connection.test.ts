import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { test } from 'node:test';
import { inferenceJobResource } from '@isochrone/api';
import { ApiError } from '@isochrone/kube';
import { existingFiles, findObject } from './connection.ts';

test('a job that is not there and a cluster without Isochrone are told apart', async () => {
  const find = (details: object): Promise<unknown> =>
    findObject(
      {
        server: 'https://here',
        get: () => Promise.reject(new ApiError('m', { status: 404, reason: 'NotFound', details })),
      },
      inferenceJobResource,
      { namespace: 'n', name: 'x' },
    );
  assert.equal(await find({ name: 'x', group: 'isochrone.dev', kind: 'inferencejobs' }), undefined);
  await assert.rejects(find({}), { code: 'NOT_FOUND', message: /https:\/\/here knows no inferencejobs; choose a hub/ });
});

test('files of $KUBECONFIG that are not there are passed over, unless none is', () => {
  const here = import.meta.filename;
  assert.equal(existingFiles(['/nowhere', here, '', here].join(delimiter)), [here, here].join(delimiter));
  assert.equal(existingFiles('/nowhere'), '/nowhere');
});
