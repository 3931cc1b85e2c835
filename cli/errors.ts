import { KubeError, ApiError } from '@isochrone/kube';
import { LedgerError } from '@isochrone/ledger';
import { ServiceError, redactText } from '@isochrone/service';

/** Exit statuses of `isochrone` and `kubectl-isochrone`. */
export const exitStatus = {
  ok: 0,
  /** It was tried and failed, or what was asked does not hold. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** A server or an address cannot be reached or used. */
  unavailable: 3,
  notFound: 4,
  /** The server refused: authentication or permission. */
  forbidden: 5,
} as const;

/** Every error of this package: stable code → exit status and meaning. */
export const cliErrors = {
  USAGE: { exit: exitStatus.usage, meaning: 'An argument is malformed.' },
  NOT_FOUND: { exit: exitStatus.notFound, meaning: 'The object does not exist.' },
  NOT_READY: { exit: exitStatus.failed, meaning: 'The object exists and has not what was asked for yet.' },
  DIGEST_MISMATCH: { exit: exitStatus.failed, meaning: 'Bytes are not the ones that were promised.' },
  RESULTS_INVALID: { exit: exitStatus.failed, meaning: 'A document is not of the form that it should have.' },
  FILE_EXISTS: { exit: exitStatus.usage, meaning: 'A file would be overwritten.' },
  DEMO_FAILED: { exit: exitStatus.failed, meaning: 'The demonstration did not show what it should.' },
} as const;

export type CliErrorCode = keyof typeof cliErrors;

/** The message names the field, the value and the remedy. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What to print for an error, without secrets, and the exit status. */
export function describeError(error: unknown): { message: string; status: number } {
  const text = redactText(error instanceof Error ? error.message : String(error));
  if (error instanceof CliError) return { message: text, status: cliErrors[error.code].exit };
  if (error instanceof ServiceError) return { message: text, status: error.exitStatus };
  if (error instanceof ApiError) return { message: `${text}${remedyOf(error)}`, status: statusOf(error) };
  if (error instanceof LedgerError && error.code === 'LEDGER_UNAVAILABLE')
    return { message: text, status: exitStatus.unavailable };
  if (error instanceof LedgerError || error instanceof KubeError)
    return { message: `${text} (${error.code})`, status: exitStatus.failed };
  const code = codeOf(error);
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ECONNRESET') {
    return {
      message: `the API server cannot be reached: ${text}; check --kubeconfig and --context`,
      status: exitStatus.unavailable,
    };
  }
  return { message: code === undefined ? text : `${text} (${code})`, status: exitStatus.failed };
}

function statusOf(error: ApiError): number {
  if (error.isNotFound) return exitStatus.notFound;
  return error.isForbidden || error.isUnauthorized ? exitStatus.forbidden : exitStatus.failed;
}

function remedyOf(error: ApiError): string {
  if (error.isForbidden) return '; ask an administrator for the permission that is named';
  return error.isUnauthorized ? '; the credential of this context is not, or no longer, valid' : '';
}

function codeOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code === 'string') return code;
  }
  return undefined;
}
