/** What is wrong with an input, with what to do about it. */
export class StagingProblem extends Error {
  override readonly name = 'StagingProblem';
  readonly reason: 'InputInvalid' | 'InputTooLarge' | 'InputEmpty';

  constructor(reason: StagingProblem['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
