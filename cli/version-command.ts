import type { Command } from 'commander';
import { print } from './output.ts';
import { VERSION } from './version.ts';

export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('Print the version.')
    .action(() => print(`isochrone ${VERSION}\n`));
}
