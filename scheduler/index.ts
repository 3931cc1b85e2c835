export { schedulerErrors } from './errors.ts';
export type { SchedulerErrorCode } from './errors.ts';
export { declareMetrics } from './metrics.ts';
export { schedulerOptions } from './options.ts';
export { runScheduler } from './run-scheduler.ts';
