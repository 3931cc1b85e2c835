import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { ClassRelation } from '@isochrone/verification';
import type { ExecutionProvider } from '../../../node-agent/runtime/session-options.ts';

const run = promisify(execFile);

/** An execution provider on a device of this machine. */
export interface Target {
  readonly provider: ExecutionProvider;
  /** As onnxruntime's profiles name it. */
  readonly profiledAs: string;
  /** Of a runtime process, as the agent makes it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Whether the silicon has TF32, which the agent switches off. */
  readonly hasTF32: boolean;
  /** To the processor, against which outputs are compared. */
  readonly relation: ClassRelation;
  /**
   * Of a bare loop's throughput, on a model that a processor is busy with for tens of milliseconds and a GPU hardly notices: to
   * cross into the process takes the same time for both. Far below what is expected, so that a busy machine does not fail it.
   */
  readonly leastThroughputShare: number;
  /** Bytes of the device in use by these processes, or by all where the device does not tell them apart. Absent where nothing tells. */
  readonly memoryInUse?: (processes: readonly number[]) => Promise<number>;
}

/** What processes have of the machine's memory. A process that is gone has none. */
export async function residentBytes(processes: readonly number[]): Promise<number> {
  const pages = await Promise.all(
    processes.map(async (pid) => {
      const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch((error: unknown) => {
        if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '0 0';
        throw error;
      });
      return Number(statm.split(' ')[1]);
    }),
  );
  return pages.reduce((sum, count) => sum + count, 0) * 4096;
}

/** What everybody has of an NVIDIA GPU's memory: in a container the driver tells no processes apart. */
export async function gpuBytes(uuid: string): Promise<number> {
  const { stdout } = await run('nvidia-smi', [
    '--query-gpu=memory.used',
    '--format=csv,noheader,nounits',
    `--id=${uuid}`,
  ]);
  return Number(stdout.trim()) * 2 ** 20;
}

/**
 * Why checks are skipped, for the runner.
 * @throws Error where ISOCHRONE_REQUIRE_GPU=1 says that they must not be
 */
export function skipBecause(lacking: string | undefined, env: NodeJS.ProcessEnv = process.env): string | false {
  if (lacking === undefined) return false;
  if (env['ISOCHRONE_REQUIRE_GPU'] === '1')
    throw new Error(`ISOCHRONE_REQUIRE_GPU=1, but this machine lacks ${lacking}`);
  return lacking;
}
