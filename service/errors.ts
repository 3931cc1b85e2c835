/** Every error of this package: stable code → exit status and meaning. */
export const serviceErrors = {
  OPTION_UNKNOWN: { exit: 2, meaning: 'An option, environment variable or configuration key does not exist.' },
  OPTION_INVALID: { exit: 2, meaning: 'The value of an option is of the wrong type or out of its range.' },
  OPTION_MISSING: { exit: 2, meaning: 'A required option was given nowhere.' },
  CONFIG_UNREADABLE: { exit: 2, meaning: 'The configuration file cannot be read or is not a YAML mapping.' },
  ADDRESS_UNAVAILABLE: { exit: 3, meaning: 'The process cannot listen on an address.' },
  ENDED_EARLY: { exit: 1, meaning: 'A service ended although nobody asked it to stop.' },
} as const;

export type ServiceErrorCode = keyof typeof serviceErrors;

/** The message names where the value came from, the key, the value and the remedy. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  readonly code: ServiceErrorCode;

  constructor(code: ServiceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Exit status of a process that ends for this reason. */
  get exitStatus(): number {
    return serviceErrors[this.code].exit;
  }
}
