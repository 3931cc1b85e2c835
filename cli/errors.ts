import { ApiError } from '@isochrone/kube';
import { ServiceError, redactText, serviceErrors } from '@isochrone/service';
import { exitByCode, exitStatus, unreachableCodes } from './exit-status.ts';

/** Every error of this package: stable code → exit status and meaning. */
export const cliErrors = {
  USAGE: { exit: exitStatus.usage, meaning: 'An argument is malformed.' },
  NOT_FOUND: { exit: exitStatus.notFound, meaning: 'The object does not exist.' },
  NOT_READY: { exit: exitStatus.failed, meaning: 'The object exists and has not what was asked for yet.' },
  DIGEST_MISMATCH: { exit: exitStatus.failed, meaning: 'Bytes are not the ones that were promised.' },
  RESULTS_INVALID: { exit: exitStatus.failed, meaning: 'A document is not of the form that it should have.' },
  FILE_EXISTS: { exit: exitStatus.usage, meaning: 'A file would be overwritten.' },
  NOT_INSTALLED: { exit: exitStatus.usage, meaning: 'The command is in another image or only in the repository.' },
  BACKUP_INVALID: { exit: exitStatus.failed, meaning: 'A backup is damaged, or of another version.' },
  TARGET_NOT_EMPTY: { exit: exitStatus.failed, meaning: 'A hub that is to be restored into has objects already.' },
  OPERATOR_RUNNING: { exit: exitStatus.unavailable, meaning: 'An operator leads the hub that is to be restored.' },
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

const exits: ReadonlyMap<string, number> = new Map<string, number>([
  ...Object.entries({ ...serviceErrors, ...cliErrors }).map(([code, { exit }]) => [code, exit] as const),
  ...Object.entries(exitByCode),
  ...unreachableCodes.map((code) => [code, exitStatus.unavailable] as const),
]);

/** The exit status of a command or a program that ended with the error. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof ApiError) return statusOfAnswer(error);
  return exits.get(codeOf(error) ?? '') ?? exitStatus.failed;
}

/** What to print for an error, without secrets, and the exit status. */
export function describeError(error: unknown): { message: string; status: number } {
  const text = redactText(error instanceof Error ? error.message : String(error));
  return { message: describe(error, text), status: exitStatusOf(error) };
}

function describe(error: unknown, text: string): string {
  if (error instanceof CliError || error instanceof ServiceError) return text;
  if (error instanceof ApiError) return `${text}${remedyOf(error)}`;
  const code = codeOf(error);
  if (code === undefined) return text;
  return unreachableCodes.includes(code)
    ? `the API server cannot be reached: ${text}; check --kubeconfig and --context`
    : `${text} (${code})`;
}

function statusOfAnswer(error: ApiError): number {
  if (error.isNotFound) return exitStatus.notFound;
  if (error.isForbidden || error.isUnauthorized) return exitStatus.forbidden;
  const isAway = error.status === 503 || error.status === 504 || error.isTooManyRequests;
  return isAway ? exitStatus.unavailable : exitStatus.failed;
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
