import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storageSecret } from '../local/storage-secret.ts';
import { objectsArguments, objectsOf } from './objects.ts';

const inspected = {
  Config: { Env: ['PATH=/bin', 'ROOT_ACCESS_KEY_ID=isochrone', 'ROOT_SECRET_ACCESS_KEY=a=b'] },
  NetworkSettings: {
    Networks: { kind: { IPAddress: '172.18.0.5' } },
    Ports: { '7070/tcp': [{ HostIp: '127.0.0.1', HostPort: '49153' }] },
  },
};

test('the object store is on the network of the clusters, and on no other address of the machine', () => {
  assert.deepEqual(
    objectsArguments('v1.8.0', 'secret').join(' ').split(' --env')[0],
    ['run --detach --name isochrone-objects --network kind --publish 127.0.0.1::7070'].join(''),
  );
  assert.ok(objectsArguments('v1.8.0', 'secret').includes('docker.io/versity/versitygw:v1.8.0'));
});

test('where it is and its credentials are what docker says of the container', () => {
  const objects = objectsOf(JSON.stringify([inspected]));
  assert.deepEqual(objects, {
    endpoint: 'http://172.18.0.5:7070',
    localEndpoint: 'http://127.0.0.1:49153',
    accessKeyId: 'isochrone',
    secretAccessKey: 'a=b',
    region: 'us-east-1',
  });
  assert.deepEqual(storageSecret(objects, { namespace: 'vision', name: 'vision-s3' }).stringData, {
    AWS_ACCESS_KEY_ID: 'isochrone',
    AWS_SECRET_ACCESS_KEY: 'a=b',
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: 'http://172.18.0.5:7070',
  });
});

test('a container that has stopped is said so, with what to do', () => {
  const stopped = { ...inspected, NetworkSettings: { Networks: { kind: { IPAddress: '' } }, Ports: {} } };
  assert.throws(() => objectsOf(JSON.stringify([stopped])), {
    code: 'ProcessExited',
    message: /isochrone-objects does not run; see docker logs isochrone-objects, then make kind-down/,
  });
});
