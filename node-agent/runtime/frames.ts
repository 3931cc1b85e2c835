import { AgentError } from '../errors.ts';

/**
 * A message between the agent and a runtime process: a JSON header and raw bytes, which are a tensor's data. On the wire:
 * u32 LE length of the header, u32 LE length of the body, header, body.
 */
export interface Frame {
  readonly header: Record<string, unknown>;
  /** Starts at offset 0 of its own buffer, so that every typed array may view it. */
  readonly body: Uint8Array<ArrayBuffer>;
}

const PREFIX_BYTES = 8;
const MAX_HEADER_BYTES = 1024 * 1024;
/** The longest body: what one ArrayBuffer and u32 can surely hold. */
export const MAX_BODY_BYTES = 0xffff_ffff;

/** The pieces to write, one after another; the parts of the body are not copied. @throws AgentError FRAME_INVALID */
export function encodeFrame(header: object, body: readonly Uint8Array[] = []): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(header));
  const bodyBytes = body.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (json.byteLength > MAX_HEADER_BYTES || bodyBytes > MAX_BODY_BYTES) {
    throw new AgentError('FRAME_INVALID', `a frame of ${json.byteLength} + ${bodyBytes} bytes is too long`);
  }
  const head = Buffer.allocUnsafe(PREFIX_BYTES + json.byteLength);
  head.writeUInt32LE(json.byteLength, 0);
  head.writeUInt32LE(bodyBytes, 4);
  head.set(json, PREFIX_BYTES);
  return [head, ...body];
}

/** Puts frames together from chunks of any size. */
export class FrameDecoder {
  #head = Buffer.alloc(0);
  #frame: { header: Record<string, unknown>; body: Uint8Array<ArrayBuffer>; filled: number } | undefined;

  /** Frames that the chunk completed. @throws AgentError FRAME_INVALID; the stream is then of no more use */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let rest = chunk;
    do {
      if (this.#frame === undefined) rest = this.#readHead(rest);
      if (this.#frame === undefined) break;
      rest = this.#fill(this.#frame, rest);
      if (this.#frame.filled < this.#frame.body.byteLength) break;
      frames.push({ header: this.#frame.header, body: this.#frame.body });
      this.#frame = undefined;
    } while (rest.byteLength > 0);
    return frames;
  }

  /** Takes bytes until prefix and header are there. @returns what follows them */
  #readHead(chunk: Uint8Array): Uint8Array {
    let rest = chunk;
    const take = (bytes: number): boolean => {
      const missing = bytes - this.#head.byteLength;
      if (missing > 0) {
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
      }
      return this.#head.byteLength >= bytes;
    };
    if (!take(PREFIX_BYTES)) return rest;
    const headerBytes = this.#head.readUInt32LE(0);
    if (headerBytes > MAX_HEADER_BYTES) {
      throw new AgentError(
        'FRAME_INVALID',
        `a frame claims a header of ${headerBytes} bytes; at most ${MAX_HEADER_BYTES} are read`,
      );
    }
    if (!take(PREFIX_BYTES + headerBytes)) return rest;
    const body = new Uint8Array(new ArrayBuffer(this.#head.readUInt32LE(4)));
    this.#frame = { header: parseHeader(this.#head.subarray(PREFIX_BYTES)), body, filled: 0 };
    this.#head = Buffer.alloc(0);
    return rest;
  }

  #fill(frame: { body: Uint8Array; filled: number }, chunk: Uint8Array): Uint8Array {
    const part = chunk.subarray(0, frame.body.byteLength - frame.filled);
    frame.body.set(part, frame.filled);
    frame.filled += part.byteLength;
    return chunk.subarray(part.byteLength);
  }
}

function parseHeader(bytes: Buffer): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AgentError(
      'FRAME_INVALID',
      `the header of a frame is no JSON: ${bytes.subarray(0, 64).toString('utf8')}`,
      { cause },
    );
  }
  if (typeof header === 'object' && header !== null && !Array.isArray(header)) return header as Record<string, unknown>;
  throw new AgentError('FRAME_INVALID', 'the header of a frame is no JSON object');
}
