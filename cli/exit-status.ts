import type { ErrorCode as KubeErrorCode } from '@isochrone/kube';
import type { LedgerErrorCode } from '@isochrone/ledger';
import type { AgentErrorCode } from '@isochrone/node-agent/agent';
import type { OperatorErrorCode } from '@isochrone/operator/storage';

/** Exit statuses of `isochrone` and `kubectl-isochrone`. */
export const exitStatus = {
  ok: 0,
  /** It was tried and failed, or what was asked does not hold. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** A server, a file or an address cannot be reached or used, or is in use. */
  unavailable: 3,
  notFound: 4,
  /** The server refused: authentication or permission. */
  forbidden: 5,
} as const;

/** What each tells whoever called. */
export const exitMeanings: Readonly<Record<keyof typeof exitStatus, string>> = {
  ok: 'done',
  failed: 'failed or not ready',
  usage: 'wrong usage or configuration',
  unavailable: 'unreachable or in use',
  notFound: 'not found',
  forbidden: 'forbidden',
};

/** Ends the help of both programs. */
export const exitStatusHelp = `\nExit status: ${Object.entries(exitStatus)
  .map(([name, status]) => `${status} ${exitMeanings[name as keyof typeof exitStatus]}`)
  .join(', ')}.`;

type ForeignCode = KubeErrorCode | LedgerErrorCode | OperatorErrorCode | AgentErrorCode;

/** Exit status by the code of an error of a library of ours; what is not named failed. */
export const exitByCode = {
  MONEY_INVALID: exitStatus.usage,
  ARGUMENT_INVALID: exitStatus.usage,
  KUBECONFIG_INVALID: exitStatus.usage,
  STORAGE_ADDRESS_INVALID: exitStatus.usage,
  SECRET_INVALID: exitStatus.usage,
  JOIN_TOKEN_INVALID: exitStatus.usage,
  OPTION_INVALID: exitStatus.usage,
  LEDGER_BUSY: exitStatus.unavailable,
  LEDGER_UNAVAILABLE: exitStatus.unavailable,
  CLUSTER_NOT_CONNECTED: exitStatus.unavailable,
  REQUEST_TIMEOUT: exitStatus.unavailable,
  STORAGE_UNAVAILABLE: exitStatus.unavailable,
  SCHEDULER_UNAVAILABLE: exitStatus.unavailable,
  STATE_DIRECTORY_LOCKED: exitStatus.unavailable,
  LEDGER_MISSING: exitStatus.notFound,
  STORAGE_NOT_FOUND: exitStatus.notFound,
  SECRET_NOT_FOUND: exitStatus.notFound,
  STORAGE_ACCESS_DENIED: exitStatus.forbidden,
  HUB_CREDENTIAL_INVALID: exitStatus.forbidden,
} as const satisfies Partial<Record<ForeignCode, number>>;

/** What Node.js and its HTTP client say of a server that does not answer, https://nodejs.org/api/errors.html */
export const unreachableCodes: readonly string[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
];
