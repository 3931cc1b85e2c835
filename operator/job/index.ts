export { createJobController } from './job-controller.ts';
export type { JobController, JobControllerDeps } from './job-controller.ts';
export { defaultJobOptions } from './options.ts';
export type { JobOptions } from './options.ts';
