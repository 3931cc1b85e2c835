/**
 * Gets every program that tests and the demo run, and says where each was found.
 *
 * Usage: node tools/binaries/main.ts
 */
import { ToolError } from '../errors.ts';
import { catalog } from './catalog.ts';
import { ensureBinaries } from './ensure.ts';

try {
  const located = await ensureBinaries(
    catalog().map(({ name }) => name),
    { log: (line) => console.error(line) },
  );
  for (const { name, version, origin, path } of located) {
    console.log(`${name.padEnd(24)} ${version.padEnd(10)} ${origin.padEnd(10)} ${path}`);
  }
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
