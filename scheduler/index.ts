export { schedulerErrors } from './errors.ts';
export type { SchedulerErrorCode } from './errors.ts';
export { schedulerOptions } from './options.ts';
export { runScheduler } from './run-scheduler.ts';
