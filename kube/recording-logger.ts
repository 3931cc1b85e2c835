import type { Logger } from './logger.ts';

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  fields: Record<string, unknown>;
  message: string;
}

/** Keeps what is logged, bindings included, for a test to look at. */
export class RecordingLogger implements Logger {
  readonly lines: LogLine[];
  readonly #bindings: Record<string, unknown>;

  constructor(lines: LogLine[] = [], bindings: Record<string, unknown> = {}) {
    this.lines = lines;
    this.#bindings = bindings;
  }
  debug(fields: object, message: string): void {
    this.#record('debug', fields, message);
  }
  info(fields: object, message: string): void {
    this.#record('info', fields, message);
  }
  warn(fields: object, message: string): void {
    this.#record('warn', fields, message);
  }
  error(fields: object, message: string): void {
    this.#record('error', fields, message);
  }
  child(bindings: Record<string, unknown>): RecordingLogger {
    return new RecordingLogger(this.lines, { ...this.#bindings, ...bindings });
  }
  #record(level: LogLine['level'], fields: object, message: string): void {
    this.lines.push({ level, fields: { ...this.#bindings, ...fields }, message });
  }
}
