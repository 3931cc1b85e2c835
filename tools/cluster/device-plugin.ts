import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface DevicePluginOptions {
  /** Where kubelet looks for plug-ins, as seen from here. */
  readonly directory: string;
  /** `nvidia.com/gpu`, ... */
  readonly resource: string;
  /** Devices that there are said to be. */
  readonly count: number;
}

/** A device plug-in with devices that do not exist: kubelet offers them, and Pods that ask for one get one of their own. */
export interface DevicePlugin {
  /** Kubelet forgets its plug-ins, and removes their sockets, when it starts. */
  register(): Promise<void>;
  stop(): void;
}

interface AllocateRequest {
  readonly container_requests: readonly { readonly devices_ids: readonly string[] }[];
}

const api = loadPackageDefinition(
  loadSync(join(import.meta.dirname, 'deviceplugin.proto'), { keepCase: true }),
) as unknown as { v1beta1: Record<'DevicePlugin' | 'Registration', ServiceClientConstructor> };

export function makeDevicePlugin({ directory, resource, count }: DevicePluginOptions): DevicePlugin {
  const devices = Array.from({ length: count }, (_, index) => ({ ID: `GPU-fake-${index}`, health: 'Healthy' }));
  const endpoint = `isochrone-fake-${resource.replaceAll(/[^a-z]/g, '-')}.sock`;
  let server: Server | undefined;
  const implementation = {
    GetDevicePluginOptions: (_: unknown, answer: sendUnaryData<object>) => answer(null, {}),
    // Open as long as kubelet wants it; there is nothing new to tell.
    ListAndWatch: (call: ServerWritableStream<object, object>) => void call.write({ devices }),
    Allocate: ({ request }: ServerUnaryCall<AllocateRequest, object>, answer: sendUnaryData<object>) =>
      answer(null, {
        container_responses: request.container_requests.map(({ devices_ids }) => ({
          envs: { NVIDIA_VISIBLE_DEVICES: devices_ids.join(',') },
        })),
      }),
  };
  return {
    async register() {
      server?.forceShutdown();
      server = new Server();
      server.addService(api.v1beta1.DevicePlugin.service, implementation);
      await rm(join(directory, endpoint), { force: true });
      await bind(server, `unix://${join(directory, endpoint)}`);
      await announce(`unix://${join(directory, 'kubelet.sock')}`, {
        version: 'v1beta1',
        endpoint,
        resource_name: resource,
      });
    },
    stop: () => server?.forceShutdown(),
  };
}

function bind(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
}

function announce(kubelet: string, request: object): Promise<void> {
  // Kubelet refuses the authority that is made of a socket's path.
  const client = new api.v1beta1.Registration(kubelet, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
  });
  const register = client['Register'] as (request: object, answer: (error: Error | null) => void) => unknown;
  return new Promise((resolve, reject) => {
    register.call(client, request, (error) => {
      client.close();
      if (error) reject(error);
      else resolve();
    });
  });
}
