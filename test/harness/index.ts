export { eventually } from '@isochrone/tools/local';
export type { ControlPlane, EventuallyOptions, ObjectStore } from '@isochrone/tools/local';
export { applyCrds } from './crds.ts';
export { kubectl } from './kubectl.ts';
export { withControlPlane, withObjectStore } from './parts.ts';
export type { TestControlPlaneOptions } from './parts.ts';
