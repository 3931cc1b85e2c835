import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Logger } from '@isochrone/kube';

/** A GPU as nvidia-smi tells it, with the attribute names of the NVIDIA DRA driver. */
export interface Gpu {
  readonly uuid: string;
  readonly productName: string;
  readonly memoryMebibytes: number;
  readonly cudaComputeCapability?: string;
  readonly architecture?: string;
  readonly driverVersion?: string;
  readonly cudaDriverVersion?: string;
  readonly pcieBusID?: string;
}

const columns = ['uuid', 'name', 'memory.total', 'compute_cap', 'driver_version', 'pci.bus_id'];
const timeoutMilliseconds = 20_000;

/** GPUs of this machine; none where nvidia-smi does not answer, for whatever reason: a GPU that is not told of is not offered. */
export async function queryGpus(logger: Logger, program = 'nvidia-smi'): Promise<Gpu[]> {
  const smi = async (...args: string[]): Promise<string | undefined> => {
    try {
      return (await promisify(execFile)(program, args, { timeout: timeoutMilliseconds, killSignal: 'SIGKILL' })).stdout;
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isAbsent) logger.warn({ err: error }, `${program} does not answer; no GPU is offered`);
      return undefined;
    }
  };
  const table = await smi(`--query-gpu=${columns.join(',')}`, '--format=csv,noheader,nounits');
  if (table === undefined) return [];
  return parseGpus(table, parseCudaVersion((await smi('--version')) ?? ''));
}

/** Reads `nvidia-smi --query-gpu=uuid,name,memory.total,compute_cap,driver_version,pci.bus_id --format=csv,noheader,nounits`. */
export function parseGpus(csv: string, cudaDriverVersion: string | undefined): Gpu[] {
  return csv
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .flatMap((line) => {
      const cells = line.split(',').map((cell) => cell.trim());
      const [uuid, productName, memory] = cells;
      const memoryMebibytes = Number(memory);
      if (cells.length !== columns.length || !uuid?.startsWith('GPU-') || !productName || !(memoryMebibytes > 0))
        return [];
      const [capability, driverVersion, busID] = cells.slice(3).map(known);
      const valid = capability !== undefined && /^\d{1,2}\.\d$/.test(capability) ? capability : undefined;
      const architecture = valid === undefined ? undefined : architectureOf(valid);
      return [
        {
          uuid,
          productName,
          memoryMebibytes: Math.floor(memoryMebibytes),
          ...(valid !== undefined && { cudaComputeCapability: valid }),
          ...(architecture !== undefined && { architecture }),
          ...(driverVersion !== undefined && { driverVersion }),
          ...(cudaDriverVersion !== undefined && { cudaDriverVersion }),
          // nvidia-smi writes the PCIe domain with eight digits, everybody else with four.
          ...(busID !== undefined && { pcieBusID: busID.toLowerCase().replace(/^0000(?=[0-9a-f]{4}:)/, '') }),
        },
      ];
    });
}

/** Reads the line `CUDA Version : 12.8` of `nvidia-smi --version`. */
export function parseCudaVersion(text: string): string | undefined {
  return /CUDA Version\s*:\s*(\d+\.\d+)/.exec(text)?.[1];
}

/** nvidia-smi's words for "this GPU cannot tell". */
function known(cell: string): string | undefined {
  return cell === '' || /^\[.*\]$|^N\/A$/.test(cell) ? undefined : cell;
}

/** Names of the DRA driver's attribute `architecture`, by CUDA compute capability (CUDA C programming guide, appendix). */
const architectures: readonly (readonly [number, string])[] = [
  [10.0, 'Blackwell'],
  [9.0, 'Hopper'],
  [8.9, 'Ada Lovelace'],
  [8.0, 'Ampere'],
  [7.5, 'Turing'],
  [7.0, 'Volta'],
  [6.0, 'Pascal'],
  [5.0, 'Maxwell'],
];

function architectureOf(capability: string): string | undefined {
  return architectures.find(([least]) => Number(capability) >= least)?.[1];
}
