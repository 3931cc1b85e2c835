export { objectsArguments, upload } from './objects.ts';
export type { KindObjects } from './objects.ts';
export { hub, members } from './topology.ts';
export type { KindMember } from './topology.ts';
export { hubValues, memberValues, memberWorkloads } from './values.ts';
