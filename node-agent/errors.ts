import { status } from '@grpc/grpc-js';
import { taskFailures } from '@isochrone/api';

/** Errors of the programs themselves. What a task may fail with is {@link TaskFailure}. */
export const agentErrors = {
  STATE_DIRECTORY_LOCKED: { meaning: 'Another process works in this state directory.' },
  STATE_INVALID: { meaning: 'A file of the state directory is not what this program wrote.' },
  OPTION_INVALID: { meaning: 'An option has a value that cannot work.' },
  HARDWARE_UNKNOWN: { meaning: 'No device was found on which a session loads.' },
  NODE_REFUSED: { meaning: 'The API server does not accept the InferenceNode.' },
  FRAME_INVALID: { meaning: 'Bytes between agent and runtime process are no frame.' },
  RUNTIME_CRASHED: { meaning: 'The runtime process ended by itself.' },
  RUNTIME_KILLED: { meaning: 'Somebody else killed the runtime process: the kernel short of memory, or an operator.' },
  RUNTIME_STOPPED: { meaning: 'The runtime process was stopped by the agent.' },
  RUNTIME_DEADLINE: { meaning: 'A call of the runtime process took longer than it may; the process was killed.' },
  RUNTIME_REFUSED: { meaning: 'onnxruntime refused a load or a run.' },
} as const;

export type AgentErrorCode = keyof typeof agentErrors;

export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}

/** What the verifier sidecar answers, with its gRPC status. */
export const verifierErrors = {
  WINDOW_INVALID: {
    grpc: status.INVALID_ARGUMENT,
    meaning: 'The header of a window, or the order of its parts, is wrong.',
  },
  RECORD_INVALID: { grpc: status.INVALID_ARGUMENT, meaning: 'The bytes of a record do not fit the header.' },
  WINDOW_INCOMPLETE: { grpc: status.INVALID_ARGUMENT, meaning: 'The stream ended before the last record.' },
  WINDOW_UNKNOWN: { grpc: status.NOT_FOUND, meaning: 'The window was not committed here, or is past retention.' },
  INDEX_INVALID: { grpc: status.INVALID_ARGUMENT, meaning: 'A leaf index lies outside the window.' },
  INTERNAL: { grpc: status.INTERNAL, meaning: 'The sidecar cannot keep its promise now; see its log.' },
} as const;

export type VerifierErrorCode = keyof typeof verifierErrors;

export class VerifierError extends Error {
  readonly code: VerifierErrorCode;

  constructor(code: VerifierErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VerifierError';
    this.code = code;
  }
}

export type FailureClass = keyof typeof taskFailures;
export type FailureReason = (typeof taskFailures)[FailureClass][number];

/** The end of an attempt, as `status.failure` tells it. */
export class TaskFailure extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TaskFailure';
    this.reason = reason;
  }

  /** Each reason belongs to one class. */
  get failureClass(): FailureClass {
    for (const [name, reasons] of Object.entries(taskFailures)) {
      if ((reasons as readonly string[]).includes(this.reason)) return name as FailureClass;
    }
    throw new TypeError(`reason ${this.reason} has no class`);
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
