import { StagingProblem } from './staging-problem.ts';

/** One line of a file that is not blank. */
export interface SourceLine {
  /** Of the file, for messages. */
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/**
 * Cuts a file of UTF-8 into its lines, holding no more than one of them. A line ends with a line feed, before which there may be a
 * carriage return, or with the file: what else Unicode calls a line separator may stand within a JSON string.
 * @throws StagingProblem InputInvalid for a line that is longer than `mostBytes`, or no UTF-8
 */
export async function* sourceLines(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<SourceLine, void> {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let line = 0;
  let parts: Uint8Array[] = [];
  let held = 0;
  const hold = (part: Uint8Array): void => {
    held += part.byteLength;
    if (held > mostBytes)
      throw new StagingProblem(
        'InputInvalid',
        `${name}, line ${line + 1} has more than ${mostBytes} bytes; write each request on a line of its own`,
      );
    parts.push(part);
  };
  const take = (): string => {
    line += 1;
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    [parts, held] = [[], 0];
    let text: string;
    try {
      text = utf8.decode(bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new StagingProblem('InputInvalid', `${name}, line ${line} is no UTF-8; write the file in UTF-8`);
    }
    return line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  };
  for await (const chunk of chunks) {
    let at = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, at)) {
      if (end === at && held === 0) {
        line += 1;
        at += 1;
        continue;
      }
      hold(chunk.subarray(at, end));
      at = end + 1;
      const text = take();
      if (text.trim() !== '') yield { name, line, text };
    }
    if (at < chunk.byteLength) hold(chunk.subarray(at));
  }
  if (held === 0) return;
  const text = take();
  if (text.trim() !== '') yield { name, line, text };
}
