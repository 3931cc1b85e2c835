import { assertSpan } from './clock.ts';

/**
 * Every named error of the package: stable code, the gRPC and HTTP statuses it stands for when a server reports it (502:
 * the upstream API answered badly; 503: try again later), and what it means to a caller.
 */
export const errorTable = {
  API_ERROR: { grpc: 'UNAVAILABLE', http: 502, meaning: 'the API server refused the request; see status and reason' },
  TERMINAL: { grpc: 'FAILED_PRECONDITION', http: 422, meaning: 'retrying cannot help until the object changes' },
  REQUEUE: { grpc: 'UNAVAILABLE', http: 503, meaning: 'not a failure: try again after the given time' },
  CLUSTER_NOT_CONNECTED: { grpc: 'UNAVAILABLE', http: 503, meaning: 'the member cluster is not reachable now' },
  KUBECONFIG_INVALID: { grpc: 'INVALID_ARGUMENT', http: 400, meaning: 'the kubeconfig cannot be used as given' },
  WATCH_FAILED: {
    grpc: 'UNAVAILABLE',
    http: 502,
    meaning: 'the watch stream ended in a way that is not part of the protocol',
  },
  RESPONSE_INVALID: {
    grpc: 'UNAVAILABLE',
    http: 502,
    meaning: 'the body of an answer was cut short or is not what its headers say',
  },
  LEASE_LOST: { grpc: 'ABORTED', http: 503, meaning: 'leadership ended while work was going on' },
  REQUEST_TIMEOUT: {
    grpc: 'DEADLINE_EXCEEDED',
    http: 504,
    meaning: 'no answer within the time limit; the request may have taken effect',
  },
} as const;

export type ErrorCode = keyof typeof errorTable;

/** Base of the package's errors; `code` is stable across versions. */
export class KubeError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Thrown by a reconcile when only a change of the object can help: logged and counted, not retried. */
export class TerminalError extends KubeError {
  constructor(message: string, options?: ErrorOptions) {
    super('TERMINAL', message, options);
  }
}

/** Thrown by a reconcile (or something it calls) to be run again later without counting as a failure. */
export class RequeueError extends KubeError {
  readonly requeueAfterMilliseconds: number;
  constructor(message: string, requeueAfterMilliseconds: number, options?: ErrorOptions, code: ErrorCode = 'REQUEUE') {
    super(code, message, options);
    assertSpan('requeueAfterMilliseconds', requeueAfterMilliseconds);
    this.requeueAfterMilliseconds = requeueAfterMilliseconds;
  }
}

/** The member cluster has no healthy connection. A controller requeues the key; it is never a failure of the object. */
export class ClusterNotConnectedError extends RequeueError {
  readonly cluster: string;
  constructor(cluster: string, requeueAfterMilliseconds: number, options?: ErrorOptions) {
    super(`cluster ${cluster} is not connected`, requeueAfterMilliseconds, options, 'CLUSTER_NOT_CONNECTED');
    this.cluster = cluster;
  }
}

/** The kubeconfig is unreadable, incomplete, or asks for something its source is not trusted with. */
export class KubeconfigError extends KubeError {
  constructor(message: string, options?: ErrorOptions) {
    super('KUBECONFIG_INVALID', message, options);
  }
}

/** Not done in time. A write may have taken effect all the same. Its cause is what the last try failed with. */
export class RequestTimeoutError extends KubeError {
  constructor(what: string, milliseconds: number, options: ErrorOptions = {}) {
    const { cause } = options;
    const last = cause instanceof Error ? `, and the last try failed: ${cause.message}` : '';
    super('REQUEST_TIMEOUT', `${what}: not done within ${milliseconds} ms${last}`, options);
  }
}

/** `details` of a `metav1.Status`. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  retryAfterSeconds?: number;
  causes?: readonly { reason?: string; message?: string; field?: string }[];
}

/** An answer of the API server that is not a success. Transport failures are not ApiErrors: they keep their own class. */
export class ApiError extends KubeError {
  /** HTTP status. */
  readonly status: number;
  /** `metav1.StatusReason`, for example `NotFound`, `AlreadyExists`, `Conflict`; empty when the body held no Status. */
  readonly reason: string;
  readonly details: StatusDetails;
  /** From the `Retry-After` header or `details.retryAfterSeconds`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    message: string,
    fields: { status: number; reason?: string; details?: StatusDetails; retryAfterSeconds?: number | undefined },
  ) {
    super('API_ERROR', message);
    this.status = fields.status;
    this.reason = fields.reason ?? '';
    this.details = fields.details ?? {};
    this.retryAfterSeconds = fields.retryAfterSeconds ?? this.details.retryAfterSeconds;
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }
  /** A stale resourceVersion, a failed precondition, or a field another manager owns. */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists';
  }
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists';
  }
  get isUnauthorized(): boolean {
    return this.status === 401;
  }
  get isForbidden(): boolean {
    return this.status === 403;
  }
  /** Rejected by the schema, a CEL rule or an admission policy. */
  get isInvalid(): boolean {
    return this.status === 422 || this.status === 400;
  }
  /** The resourceVersion or continue token is too old (compacted): list again. */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired';
  }
  get isTooManyRequests(): boolean {
    return this.status === 429;
  }
}
