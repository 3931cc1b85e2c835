export { FakeClock } from './fake-clock.ts';
export { RecordingLogger } from './recording-logger.ts';
export type { LogLine } from './recording-logger.ts';
