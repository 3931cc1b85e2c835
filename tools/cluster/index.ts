export { startCluster, startClusters } from './cluster.ts';
export type { Cluster, ClusterOptions, StartOptions } from './cluster.ts';
export { clusterLacking } from './lacking.ts';
export { hostAddress } from './layout.ts';
export { writeProgramImage } from './program-image.ts';
export type { ProgramImage } from './program-image.ts';
export type { RunningContainer, Usage } from './usage.ts';
