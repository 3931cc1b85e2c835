/**
 * Brings what the checks of test/gpu need to run on this machine's GPU, or says why they cannot.
 *
 * Usage: node tools/gpu/main.ts
 */
import { ToolError } from '../errors.ts';
import { bringCudaLibraries, cudaLacking, findCudaLibraries } from './cuda-libraries.ts';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new ToolError('CommandFailed', `stopped by ${signal}`)));

const lacking = await cudaLacking();
if (lacking !== undefined) {
  console.error(`CUDA is not checked on this machine, which lacks ${lacking}`);
} else if ((await findCudaLibraries()) === undefined) {
  await bringCudaLibraries((line) => console.error(line), stop.signal);
}
