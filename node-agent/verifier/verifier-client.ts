import { once } from 'node:events';
import { credentials, status, type ClientWritableStream, type ServiceError } from '@grpc/grpc-js';
import { loadProtos } from '@isochrone/api';
import type { CommitRequest } from '@isochrone/api/proto/isochrone/v1alpha1/CommitRequest';
import type { VerifierClient as GrpcClient } from '@isochrone/api/proto/isochrone/v1alpha1/Verifier';
import type { WindowHeader } from '@isochrone/api/proto/isochrone/v1alpha1/WindowHeader';
import { TaskFailure } from '../errors.ts';

export interface Opening {
  readonly index: number;
  readonly proof: Uint8Array;
}

/** The agent's side of the sidecar. Every failure is a TaskFailure: VerifierUnavailable may be tried again. */
export class VerifierClient implements Disposable {
  readonly #client: GrpcClient;

  constructor(socket: string) {
    const { Verifier } = loadProtos().isochrone.v1alpha1;
    this.#client = new Verifier(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.max_send_message_length': -1,
      // A sidecar that was started again is found soon.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    });
  }

  /** The node's public key, 32 bytes. */
  async identity(milliseconds: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#client.getIdentity({}, { deadline: Date.now() + milliseconds }, (error, reply) => {
        if (error) reject(failureOf(error));
        else resolve(reply!.publicKey);
      });
    });
  }

  async open(
    workUid: string,
    attempt: number,
    indices: readonly number[],
    milliseconds: number,
  ): Promise<readonly Opening[]> {
    return new Promise((resolve, reject) => {
      this.#client.open(
        { workUid, attempt, indices: [...indices] },
        { deadline: Date.now() + milliseconds },
        (error, reply) => {
          if (error) reject(failureOf(error));
          else resolve(reply!.openings);
        },
      );
    });
  }

  commit(header: WindowHeader, signal: AbortSignal): Commitment {
    return new Commitment(this.#client, header, signal);
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

/**
 * One window on its way to the sidecar. It holds one of the streams that the sidecar allows until it is answered or disposed of.
 */
export class Commitment implements Disposable {
  readonly #call: ClientWritableStream<CommitRequest>;
  readonly #receipt = Promise.withResolvers<Uint8Array>();
  #settled = false;

  constructor(client: GrpcClient, header: WindowHeader, signal: AbortSignal) {
    this.#call = client.commit((error, reply) => {
      this.#settled = true;
      if (error) this.#receipt.reject(failureOf(error));
      else this.#receipt.resolve(reply!.receipt);
    });
    const cancel = (): void => this.#call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    // The failure is seen where the receipt is waited for; it must not end the process before.
    void this.#receipt.promise.catch(() => undefined).then(() => signal.removeEventListener('abort', cancel));
    this.#call.on('error', () => {
      this.#settled = true;
    });
    this.#call.write({ header });
    if (signal.aborted) cancel();
  }

  /** Waits while the sidecar is behind. Once the sidecar has answered nothing is sent: {@link receipt} tells what. */
  async record(inputs: readonly Uint8Array[], outputs: readonly Uint8Array[]): Promise<void> {
    if (this.#settled) return;
    const more = this.#call.write({ record: { inputs: inputs.map(bufferOf), outputs: outputs.map(bufferOf) } });
    if (more) return;
    const waiting = new AbortController();
    const answered = this.#receipt.promise.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([once(this.#call, 'drain', { signal: waiting.signal }).catch(() => undefined), answered]);
    waiting.abort();
  }

  /** Ends the window; resolves with the JSON of the receipt once that is durable. @throws TaskFailure */
  async receipt(): Promise<Uint8Array> {
    if (!this.#settled) this.#call.end();
    return this.#receipt.promise;
  }

  /** Gives the window up unless it was answered. */
  [Symbol.dispose](): void {
    if (!this.#settled) this.#call.cancel();
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function failureOf(error: ServiceError): TaskFailure {
  // What the sidecar refuses will be refused again: an error of this program, or a window that is not kept any more.
  const refused = [status.INVALID_ARGUMENT, status.NOT_FOUND, status.RESOURCE_EXHAUSTED].includes(error.code);
  const message = `verifier sidecar: ${error.details === '' ? error.message : error.details}`;
  return new TaskFailure(refused ? 'AgentInternal' : 'VerifierUnavailable', message, { cause: error });
}
