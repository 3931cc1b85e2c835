import { OperatorError, hasCode, type OperatorErrorCode } from '../errors.ts';
import type { Problem } from './observed.ts';

/** What a user is told when something cannot be done: the reason for `Admitted=False`, or why a job does not go on. */
export class AdmissionProblem extends Error {
  readonly problem: Problem;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'AdmissionProblem';
    this.problem = { reason, message };
  }
}

/** What keeps the input from being read. */
export function sourceProblem(error: unknown): unknown {
  if (hasCode(error, 'STORAGE_NOT_FOUND'))
    return new AdmissionProblem(
      'InputNotFound',
      `${error.message}; upload it, or create a job with another spec.input.uri`,
    );
  if (hasCode(error, 'STORAGE_ACCESS_DENIED'))
    return new AdmissionProblem(
      'InputAccessDenied',
      `${error.message}; allow GetObject to the key in spec.input.credentialsSecretRef, or reading to everybody`,
    );
  if (hasCode(error, 'STORAGE_PRECONDITION'))
    return new AdmissionProblem(
      'InputChanged',
      `${error.message}; it is tried again: write inputs once, before the job is created`,
    );
  if (hasCode(error, 'STORAGE_REFUSED')) return new AdmissionProblem('InputRefused', error.message);
  return asProblem(error);
}

export function notWritable({ message }: OperatorError): AdmissionProblem {
  return new AdmissionProblem(
    'OutputNotWritable',
    `${message}; create the bucket, or allow PutObject and DeleteObject to the key in spec.output.credentialsSecretRef`,
  );
}

/** What any step on storage may meet, as a user is told it; other errors stay what they are. */
export function asProblem(error: unknown): unknown {
  if (!(error instanceof OperatorError)) return error;
  const { code, message } = error;
  if (code === 'STORAGE_ADDRESS_INVALID') return new AdmissionProblem('URIInvalid', message);
  if (code === 'STORAGE_ACCESS_DENIED') return new AdmissionProblem('InputAccessDenied', message);
  if (code.startsWith('STORAGE_')) return new AdmissionProblem('StorageUnavailable', `${message}; it is tried again`);
  return new AdmissionProblem(reasonOf(code), message);
}

/** SECRET_NOT_FOUND → SecretNotFound */
function reasonOf(code: OperatorErrorCode): string {
  return code
    .split('_')
    .map((word) => word[0]! + word.slice(1).toLowerCase())
    .join('');
}
