import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { ControlPlane } from '@isochrone/tools/local';

/** Calls etcd under a control plane by its JSON gateway, for what no API server does. Bytes are base64 there. */
export async function callEtcd<R>(plane: ControlPlane, method: string, body: object): Promise<R> {
  const call = request({ socketPath: join(plane.directory, 'etcd.sock'), path: `/v3/${method}`, method: 'POST' });
  call.end(JSON.stringify(body));
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  const value = (await json(answer)) as R & { message?: string };
  if (answer.statusCode !== 200) throw new Error(`etcd ${method}: ${answer.statusCode} ${value.message ?? ''}`);
  return value;
}

/** Forgets every version but the present one, as an API server has etcd do every five minutes. */
export async function compact(plane: ControlPlane, resourceVersion: string): Promise<void> {
  await callEtcd(plane, 'kv/compaction', { revision: resourceVersion, physical: true });
}
