import { status } from '@grpc/grpc-js';

/** Every error of this package: stable code → gRPC status and meaning. */
export const schedulerErrors = {
  ARGUMENT_INVALID: {
    grpc: status.INVALID_ARGUMENT,
    meaning: 'A field of the request is missing or out of its range.',
  },
  NOT_READY: { grpc: status.UNAVAILABLE, meaning: 'The fleet and its tasks are still being read; try again.' },
  CALL_ABANDONED: {
    grpc: status.CANCELLED,
    meaning: 'The caller has gone or its deadline has passed; what was assumed answers a retry with the same key.',
  },
  SERVICE_UNKNOWN: { grpc: status.NOT_FOUND, meaning: 'No such service is served here.' },
  QUANTITY_INVALID: { grpc: status.INTERNAL, meaning: 'A quantity in an object cannot be read.' },
  INTERNAL: { grpc: status.INTERNAL, meaning: 'A defect of the scheduler; its log has the details.' },
} as const;

export type SchedulerErrorCode = keyof typeof schedulerErrors;

/** Thrown for everything the scheduler refuses; `message` names the field, the value and the remedy. */
export class SchedulerError extends Error {
  readonly code: SchedulerErrorCode;

  constructor(code: SchedulerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SchedulerError';
    this.code = code;
  }
}
