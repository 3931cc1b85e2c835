import { KubeError } from './errors.ts';

/** etcd refuses objects above a few MiB; a longer line is a broken or hostile server filling our memory. */
const longestLineBytes = 32 * 1024 * 1024;

/**
 * Decodes newline-separated JSON, one array per chunk of bytes: a chunk is at most a socket read, so no step blocks the
 * loop for long, and an event costs no promise of its own.
 *
 * @throws KubeError `WATCH_FAILED` for a line that is not JSON, is too long or has no end. Its content is not quoted: it may be a Secret.
 */
export async function* decodeJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown[], void> {
  let pieces: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    const values: unknown[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end));
      const value = decode(pieces);
      if (value !== undefined) values.push(value);
      pieces = [];
      pendingBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      pieces.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      if (pendingBytes > longestLineBytes) {
        throw new KubeError('WATCH_FAILED', `a line of the stream is longer than ${longestLineBytes} bytes`);
      }
    }
    if (values.length > 0) yield values;
  }
  // The reader resumes from the last event it got, so nothing is missed; but it is no orderly end.
  if (pendingBytes > 0) {
    throw new KubeError('WATCH_FAILED', `the stream ended inside an object, after ${pendingBytes} bytes of it`);
  }
}

function decode(pieces: readonly Uint8Array[]): unknown {
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not chained: the SyntaxError's message quotes the text.
    throw new KubeError('WATCH_FAILED', `a line of the stream is not JSON (${bytes.length} bytes)`);
  }
}
