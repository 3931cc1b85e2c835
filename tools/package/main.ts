/**
 * Packages the command line to run where no repository is: bundles for any Node.js that is new enough, one executable for
 * linux-x64 that needs none, archives of the plug-in with krew's manifest, and checksums; and `@isochrone/kube` for npm.
 *
 * Usage: node tools/package/main.ts [--output DIR] [--download-uri URI]
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packKube } from './pack-kube.ts';
import { packageCli } from './package-cli.ts';

const { values } = parseArgs({
  options: {
    output: { type: 'string', default: join(import.meta.dirname, '..', '..', 'dist', 'package') },
    // Where the archives will be served, for the manifest.
    'download-uri': { type: 'string' },
  },
});
for (const file of await packageCli(values.output, values['download-uri'])) console.log(file);
console.log(await packKube(values.output));
