/**
 * Imported by a runtime process before anything else: keeps its standard error blocking. Node makes the descriptor non-blocking when
 * `process.stderr` is first used, which modules of its own do; where the agent is too busy to read, a write of onnxruntime then fails
 * and its log, by which {@link parsePlacements} judges, ends there.
 */
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isMainThread } from 'node:worker_threads';

const stderr = new Writable({
  write(chunk: Buffer, _encoding, done) {
    writeSync(2, chunk);
    done();
  },
});
// Threads write by way of the main thread.
if (isMainThread) Object.defineProperty(process, 'stderr', { configurable: true, value: stderr });
