import { after } from 'node:test';
import {
  startControlPlane,
  startObjectStore,
  type ControlPlane,
  type ControlPlaneOptions,
  type ObjectStore,
  type ObjectStoreOptions,
} from '@isochrone/tools/local';
import { applyCrds } from './crds.ts';
import { startFaultProxy, type FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';

export interface TestControlPlaneOptions extends Omit<ControlPlaneOptions, 'name'> {
  /** Default: "hub". Give members of a federation different names. */
  readonly name?: string;
  /** Whether crds/ is served. Default true. */
  readonly crds?: boolean;
}

/**
 * A control plane for the tests of one file, stopped after them: `const hub = await withControlPlane();` at the top of the file.
 * (Not in a `before` hook: node:test runs those of a file's top level at once, so that no other hook could build on it.)
 */
export async function withControlPlane({
  crds = true,
  name = 'hub',
  ...options
}: TestControlPlaneOptions = {}): Promise<ControlPlane> {
  const plane = await startControlPlane({ name, ...options });
  after(() => plane.stop());
  if (crds) await applyCrds(plane);
  return plane;
}

/** An S3 server for the tests of one file: `const store = await withObjectStore();` at the top of the file. */
export async function withObjectStore(options: ObjectStoreOptions = {}): Promise<ObjectStore> {
  const store = await startObjectStore(options);
  after(() => store.stop());
  return store;
}

/** A proxy in front of a server for the tests of one file: `const proxy = await withFaultProxy(store.endpoint);`. */
export async function withFaultProxy(endpoint: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const proxy = await startFaultProxy(endpoint, options);
  after(() => proxy.close());
  return proxy;
}
