import { Duplex, Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** A slow network: so many bytes in every span. */
export function slowly(bytes: number, milliseconds: number): Duplex {
  return Duplex.from(async function* (source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      for (let start = 0; start < chunk.length; start += bytes) {
        yield chunk.subarray(start, start + bytes);
        await pause(milliseconds);
      }
    }
  });
}

/** Passes so many bytes; then the body ends as if it were whole, or the connection breaks. */
export function cutAfter(bytes: number, how: 'end' | 'break'): Transform {
  let left = bytes;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (left > 0) this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) done();
      else if (how === 'break') setImmediate(() => this.destroy(new Error('cut')));
      else this.push(null);
    },
  });
}

/** Changes a watch line by line: what the function returns is sent instead of the line. */
export function eachLine(change: (line: string) => readonly string[]): Transform {
  let rest = '';
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop()!;
      for (const line of lines.flatMap(change)) this.push(Buffer.from(`${line}\n`, 'latin1'));
      done();
    },
    flush(done) {
      if (rest !== '') this.push(Buffer.from(rest, 'latin1'));
      done();
    },
  });
}
