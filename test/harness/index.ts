export { eventually, kubectl } from '@isochrone/tools/local';
export type { ControlPlane, EventuallyOptions, ObjectStore } from '@isochrone/tools/local';
export { applyCrds } from './crds.ts';
export { withControlPlane, withObjectStore } from './parts.ts';
export type { TestControlPlaneOptions } from './parts.ts';
