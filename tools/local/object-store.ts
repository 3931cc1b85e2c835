import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ToolError } from '../errors.ts';
import { ensureBinaries } from '../binaries/ensure.ts';
import { freePort } from './sockets.ts';
import { ProcessSupervisor } from './process-supervisor.ts';

export interface ObjectStoreOptions {
  /** Address of this machine that it serves on. Default: loopback. */
  readonly host?: string;
  /** Where its folder is made, which is removed when it stops. Default: in memory where there is room. */
  readonly directory?: string;
  /** Told of downloads and builds. */
  readonly logger?: { info(message: string): void };
  /** When aborted, it is stopped. */
  readonly signal?: AbortSignal;
}

/**
 * A real S3 server (versitygw) on a folder. Buckets are made by `PUT <endpoint>/<bucket>`, addressed by path.
 *
 * Seen to work, by object-store.test.ts: PUT, ranged GET, HEAD, list, delete; PUT with `If-None-Match: *` (the second is refused
 * with 412), also presigned, where the header has to be among the signed ones; GET with `If-Match`; presigned GET and PUT; a
 * wrong `Content-MD5` or `x-amz-checksum-sha256` is refused with 400 and leaves no object.
 */
export interface ObjectStore extends AsyncDisposable {
  /** http://host:port */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** Stops answering; the objects stay. */
  kill9(): Promise<void>;
  /** After `kill9`: answers again at the same address. */
  start(): Promise<void>;
  /** Removes the process and the objects. */
  stop(): Promise<void>;
}

const region = 'us-east-1';
const portAttempts = 5;
const name = 'versitygw';

/** @throws ToolError BinaryUnavailable, ProcessExited, NotInTime */
export async function startObjectStore(options: ObjectStoreOptions = {}): Promise<ObjectStore> {
  const { host = '127.0.0.1', directory: parent, logger, signal } = options;
  const [binary] = await ensureBinaries([name], {
    ...(logger && { log: (line: string) => logger.info(line) }),
    ...(signal && { signal }),
  });
  const supervisor = await ProcessSupervisor.create({
    name: 'objects',
    ...(parent && { parent }),
    ...(signal && { signal }),
  });
  const [objects, metadata] = [join(supervisor.directory, 'objects'), join(supervisor.directory, 'metadata')];
  const accessKeyId = 'isochrone';
  const secretAccessKey = randomBytes(20).toString('base64url');
  try {
    await Promise.all([mkdir(objects), mkdir(metadata)]);
    for (let attempt = 1; ; attempt += 1) {
      const address = `${host}:${await freePort()}`;
      const endpoint = `http://${address}`;
      const start = async (): Promise<void> => {
        await supervisor.start({
          name,
          command: binary!.path,
          // A sidecar folder, because not every file system has extended attributes.
          args: [
            '--port',
            address,
            '--region',
            region,
            '--health',
            '/health',
            '--keep-alive',
            '--quiet',
            'posix',
            '--sidecar',
            metadata,
            objects,
          ],
          env: { ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey },
          ready: async () => (await fetch(`${endpoint}/health`, { headers: { connection: 'close' } })).ok,
          disposable: true,
        });
      };
      try {
        await start();
      } catch (error) {
        if (
          attempt === portAttempts ||
          !(error instanceof ToolError) ||
          !error.message.includes('address already in use')
        )
          throw error;
        continue;
      }
      const stop = (): Promise<void> => supervisor.stopAll();
      return {
        endpoint,
        accessKeyId,
        secretAccessKey,
        region,
        start,
        kill9: () => supervisor.kill9(name),
        stop,
        [Symbol.asyncDispose]: stop,
      };
    }
  } catch (error) {
    await supervisor.stopAll();
    throw error;
  }
}
