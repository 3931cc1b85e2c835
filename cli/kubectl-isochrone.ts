#!/usr/bin/env node
import { execute } from './execute.ts';
import { complete } from './kubectl/completion-command.ts';
import { kubectlProgram } from './kubectl/program.ts';

/** What shells ask for is answered as it stands: none of it is an option of ours. */
async function main(argv: readonly string[]): Promise<void> {
  if (argv[0] === '__complete') await complete(kubectlProgram(), argv.slice(1));
  else process.exitCode = await execute(kubectlProgram, argv);
}

// No await: a bundle is no module.
void main(process.argv.slice(2));
