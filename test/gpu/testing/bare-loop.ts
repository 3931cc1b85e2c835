/**
 * onnxruntime-node without anything of ours: a process that runs a model over and over. Prints one line of JSON, a BareResult.
 *
 * Usage: node test/gpu/testing/bare-loop.ts '<BareRequest as JSON>'
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface BareRequest {
  readonly path: string;
  readonly options: object;
  readonly shape: readonly number[];
  readonly runs: number;
  /** Ask onnxruntime which execution provider ran each node. */
  readonly profile: boolean;
}

export interface BareResult {
  readonly nanosecondsPerRun: number;
  /** Executed nodes by execution provider; empty without `profile`. */
  readonly nodes: Readonly<Record<string, number>>;
}

const { path, options, shape, runs, profile } = JSON.parse(process.argv[2]!) as BareRequest;
const folder = mkdtempSync(join(tmpdir(), 'bare-loop-'));
try {
  const profiling = profile ? { enableProfiling: true, profileFilePrefix: join(folder, 'profile') } : {};
  const session = await InferenceSession.create(path, { ...options, ...profiling });
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => (index % 17) / 17);
  const feeds = { [session.inputNames[0]!]: new Tensor('float32', values, shape) };
  for (let run = 0; run < 3; run += 1) await session.run(feeds);
  const started = process.hrtime.bigint();
  for (let run = 0; run < runs; run += 1) await session.run(feeds);
  const nanosecondsPerRun = Number(process.hrtime.bigint() - started) / runs;
  session.endProfiling();
  console.log(JSON.stringify({ nanosecondsPerRun, nodes: executedNodes() } satisfies BareResult));
} finally {
  rmSync(folder, { recursive: true });
}

function executedNodes(): Record<string, number> {
  const nodes: Record<string, number> = {};
  for (const file of readdirSync(folder)) {
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
      cat: string;
      args?: { provider?: string };
    }[];
    for (const { cat, args } of events) {
      if (cat === 'Node' && args?.provider) nodes[args.provider] = (nodes[args.provider] ?? 0) + 1;
    }
  }
  return nodes;
}
