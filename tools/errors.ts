/** What each failure of this package means, and what to do about it. The code is stable; the detail is not. */
export const toolErrors = {
  BinaryUnavailable: 'a program that tests and the demo run could not be found, downloaded or built',
  ChecksumMismatch: 'a download does not have the published checksum and was thrown away; try again',
  ProcessExited: 'a local process ended before it was ready',
  NotInTime: 'something that was waited for did not come true',
  UnknownProcess: 'no process of that name was started here',
  CommandFailed: 'a command failed',
  ImageTooLarge: 'an image takes more than it may',
} as const;

export type ToolErrorCode = keyof typeof toolErrors;

export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly code: ToolErrorCode;

  constructor(code: ToolErrorCode, detail: string, options?: ErrorOptions) {
    super(`${toolErrors[code]}: ${detail}`, options);
    this.code = code;
  }
}
