import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { writeDurably } from '../durable-file.ts';

/** The machine's processor as a device. */
export interface CpuDevice {
  readonly uuid: string;
  readonly productName: string;
  /** Half of what this process may have: the rest is for the agent, the page cache and the neighbours. */
  readonly memoryBytes: number;
}

export async function describeCpu(nodeName: string, stateDirectory: string): Promise<CpuDevice> {
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const productName = (cpus()[0]?.model ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, 128);
  return {
    uuid: cpuUUID(await machineIdentity(stateDirectory), nodeName),
    productName: productName === '' || productName === 'unknown' ? `CPU ${process.arch}` : productName,
    memoryBytes: Math.floor(memory / 2),
  };
}

/** Stable for a machine and node name; the name is in it because an image may carry its machine-id to many machines. */
export function cpuUUID(machine: string, nodeName: string): string {
  const digest = createHash('sha256').update(`${machine}\0${nodeName}`).digest('hex');
  return `CPU-${digest.slice(0, 8)}-${digest.slice(8, 12)}-${digest.slice(12, 16)}-${digest.slice(16, 20)}-${digest.slice(20, 32)}`;
}

async function machineIdentity(stateDirectory: string): Promise<string> {
  const machineId = (await readIfThere('/etc/machine-id'))?.trim() ?? '';
  if (/^[0-9a-f]{32}$/.test(machineId)) return machineId;
  const path = join(stateDirectory, 'machine-id');
  const kept = await readIfThere(path);
  if (kept !== undefined) return kept.trim();
  const made = randomUUID();
  await writeDurably(path, made);
  return made;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
