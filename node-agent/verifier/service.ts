import { type sendUnaryData, type ServerReadableStream, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import type { CommitReply } from '@isochrone/api/proto/isochrone/v1alpha1/CommitReply';
import type { CommitRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/CommitRequest';
import type { OpenReply } from '@isochrone/api/proto/isochrone/v1alpha1/OpenReply';
import type { OpenRequest__Output } from '@isochrone/api/proto/isochrone/v1alpha1/OpenRequest';
import type { VerifierHandlers } from '@isochrone/api/proto/isochrone/v1alpha1/Verifier';
import type { Clock, Logger } from '@isochrone/kube';
import { RECEIPT_VERSION, merkleProofs, merkleRoot, nodeKeyDigest } from '@isochrone/verification';
import { VerifierError, messageOf, verifierErrors } from '../errors.ts';
import type { VerifierMetrics } from './metrics.ts';
import type { NodeKey } from './node-key.ts';
import type { ReceiptLog } from './receipt-log.ts';
import { Window } from './window.ts';

export interface VerifierServiceOptions {
  readonly key: NodeKey;
  readonly log: ReceiptLog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: VerifierMetrics;
}

const MAX_INDICES = 1024;

/** The sidecar's answers. They stay within what the log has made durable. */
export function verifierHandlers(
  options: VerifierServiceOptions,
): Pick<VerifierHandlers, 'GetIdentity' | 'Commit' | 'Open'> {
  const { key, metrics, logger } = options;
  const fail = (callback: sendUnaryData<never>, thrown: unknown): void => {
    const error =
      thrown instanceof VerifierError ? thrown : new VerifierError('INTERNAL', messageOf(thrown), { cause: thrown });
    metrics.refusals.inc({ code: error.code });
    logger.warn({ err: error }, 'a request was refused');
    const details = `${error.code}: ${error.message}`;
    callback({
      name: error.name,
      message: details,
      details,
      code: verifierErrors[error.code].grpc,
    } satisfies Partial<ServiceError>);
  };
  return {
    GetIdentity: (_call, callback) => callback(null, { publicKey: Buffer.from(key.rawPublicKey) }),
    Commit: (call, callback) => commit(call, callback, options, fail),
    Open: (call, callback) => open(call, callback, options, fail),
  };
}

function commit(
  call: ServerReadableStream<CommitRequest__Output, CommitReply>,
  callback: sendUnaryData<CommitReply>,
  { key, log, clock, metrics }: VerifierServiceOptions,
  fail: (callback: sendUnaryData<never>, error: unknown) => void,
): void {
  const nodeKey = nodeKeyDigest(key.publicKey);
  let window: Window | undefined;
  let answered = false;
  const guard = (work: () => void): void => {
    if (answered) return;
    try {
      work();
    } catch (error) {
      answered = true;
      fail(callback, error);
    }
  };
  const reply = (receipt: Uint8Array): void => {
    answered = true;
    callback(null, { receipt: Buffer.from(receipt) });
  };
  call.on('data', (request: CommitRequest__Output) =>
    guard(() => {
      if (request.part === 'header' && request.header) {
        if (window !== undefined)
          throw new VerifierError('WINDOW_INVALID', 'a second header came; a stream is one window');
        window = new Window(request.header, nodeKey);
        const first = log.find(window.header.workUid, window.header.attempt);
        if (first !== undefined) reply(first);
      } else if (request.part === 'record' && request.record) {
        if (window === undefined) throw new VerifierError('WINDOW_INVALID', 'a record came before the header');
        window.add(request.record.inputs, request.record.outputs);
        metrics.records.inc();
      } else {
        throw new VerifierError('WINDOW_INVALID', 'a message holds neither header nor record');
      }
    }),
  );
  // Only a stream that the agent ended itself is signed; one that broke off comes as an error or a cancellation.
  call.on('end', () =>
    guard(() => {
      if (call.cancelled) return;
      if (window === undefined) throw new VerifierError('WINDOW_INVALID', 'the stream ended before the header');
      const { leaves, outputs } = window.finish();
      const { workUid: jobUID, attempt, modelSha256, numericProfile, runtimeClass } = window.header;
      const statement = {
        version: RECEIPT_VERSION,
        nodeKey,
        jobUID,
        attempt,
        modelDigest: Buffer.from(modelSha256, 'hex'),
        numericProfile,
        runtimeClass,
        leafCount: leaves.length,
        root: merkleRoot(leaves),
        outputs,
      } as const;
      const receipt = log.append(statement, leaves, key.privateKey, clock.now());
      metrics.receipts.inc();
      reply(receipt);
    }),
  );
  call.on('error', () => {
    answered = true;
  });
}

function open(
  call: ServerUnaryCall<OpenRequest__Output, OpenReply>,
  callback: sendUnaryData<OpenReply>,
  { log, metrics }: VerifierServiceOptions,
  fail: (callback: sendUnaryData<never>, error: unknown) => void,
): void {
  try {
    const { workUid, attempt, indices } = call.request;
    if (indices.length < 1 || indices.length > MAX_INDICES) {
      throw new VerifierError('INDEX_INVALID', `indices has ${indices.length} entries; ask for 1 to ${MAX_INDICES}`);
    }
    const leaves = log.leaves(workUid, attempt);
    if (leaves === undefined) {
      throw new VerifierError(
        'WINDOW_UNKNOWN',
        `no leaves are kept of attempt ${attempt} of ${JSON.stringify(workUid)}`,
      );
    }
    const odd = indices.find((index) => index < 0 || index >= leaves.length);
    if (odd !== undefined)
      throw new VerifierError('INDEX_INVALID', `index ${odd} lies outside the window's ${leaves.length} leaves`);
    const proofs = merkleProofs(leaves, indices);
    const openings = indices.map((index, which) => ({ index, proof: Buffer.concat(proofs[which]!) }));
    metrics.openings.inc(openings.length);
    callback(null, { openings });
  } catch (error) {
    fail(callback, error);
  }
}
