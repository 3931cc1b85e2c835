/**
 * Builds the images and writes each as `<name>.tar` (docker-archive) with its software bill of materials beside it.
 *
 * Usage: node tools/images/main.ts build [--tag TAG] [--output DIR] [NAME...]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { ToolError } from '../errors.ts';
import { buildImages } from './build-images.ts';
import { imageNamed, images } from './catalog.ts';

const usage = 'usage: node tools/images/main.ts build [--tag TAG] [--output DIR] [NAME...]';
const stop = new AbortController();
// What was begun is removed before it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => stop.abort(new ToolError('CommandFailed', `stopped by ${signal}`)));

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tag: { type: 'string', default: packageJson.version },
      output: { type: 'string', default: join(import.meta.dirname, '..', '..', 'dist', 'images') },
    },
  });
  const [verb, ...given] = positionals;
  if (verb !== 'build') throw new TypeError(`${verb === undefined ? 'no command' : `command is ${verb}`}; ${usage}`);
  const names = given.map((name) => {
    const image = imageNamed(name);
    if (image !== undefined) return image.name;
    throw new TypeError(`image is ${name}; there are: ${images.map((one) => one.name).join(', ')}`);
  });
  const built = await buildImages({
    tag: values.tag,
    output: values.output,
    ...(names.length > 0 && { names }),
    log: (line) => console.error(line),
    signal: stop.signal,
  });
  for (const { reference, archive, bytes } of built) {
    console.log(`${reference.padEnd(50)} ${(bytes / 1e6).toFixed(0).padStart(5)} MB  ${archive}`);
  }
} catch (error) {
  // What was stopped may say so in its own way.
  const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
  if (!(reason instanceof ToolError || reason instanceof TypeError)) throw error;
  console.error(reason.message);
  process.exitCode = reason instanceof TypeError ? 2 : 1;
}
