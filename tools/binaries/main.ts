/**
 * Gets the programs named, or every one that tests and the demo run, and says where each was found.
 *
 * Usage: node tools/binaries/main.ts [NAME…]
 */
import { ToolError } from '../errors.ts';
import { catalog, type BinaryName } from './catalog.ts';
import { ensureBinaries } from './ensure.ts';

const stop = new AbortController();
// What was begun is removed before it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new ToolError('BinaryUnavailable', `stopped by ${signal}`)));

try {
  const located = await ensureBinaries(chosen(process.argv.slice(2)), {
    log: (line) => console.error(line),
    signal: stop.signal,
  });
  for (const { name, version, origin, path } of located) {
    console.log(`${name.padEnd(24)} ${version.padEnd(10)} ${origin.padEnd(10)} ${path}`);
  }
} catch (error) {
  // What was stopped may say so in its own way.
  const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
  if (!(reason instanceof ToolError)) throw error;
  console.error(reason.message);
  process.exitCode = 1;
}

function chosen(names: readonly string[]): BinaryName[] {
  const known = catalog().map(({ name }) => name);
  const unknown = names.find((name) => !known.some((other) => other === name));
  if (unknown !== undefined)
    throw new ToolError('BinaryUnavailable', `"${unknown}" is none of them; there are: ${known.join(', ')}`);
  return names.length === 0 ? known : known.filter((name) => names.includes(name));
}
