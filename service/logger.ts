import { pino, type DestinationStream, type Logger } from 'pino';
import { redactLine } from './redaction.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

export interface LoggerSettings {
  /** The field `program` of every line. */
  readonly program: string;
  readonly level?: (typeof logLevels)[number];
  /** Default: standard output, written at once, so that the last line before a crash is there. */
  readonly destination?: DestinationStream;
}

/** JSON lines with RFC 3339 times and level names, without secrets. */
export function createLogger({ program, level = 'info', destination }: LoggerSettings): Logger {
  return pino(
    {
      level,
      base: { program },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
      hooks: { streamWrite: redactLine },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  );
}
