import { Command } from 'commander';
import { exitOverride } from '../exit-override.ts';
import { VERSION } from '../version.ts';
import { connectionOptions } from './connection.ts';
import { addEdgeCommand } from './edge-command.ts';
import { addResultsCommand } from './results-command.ts';
import { addStatementCommand } from './statement-command.ts';
import { addWhyCommand } from './why-command.ts';

/** The command line of `kubectl isochrone`. */
export function kubectlProgram(): Command {
  const program = connectionOptions(exitOverride(new Command('kubectl-isochrone')))
    .configureHelp({ showGlobalOptions: true })
    .usage('COMMAND [flags]   (also: kubectl isochrone COMMAND)')
    .description('Look into an Isochrone federation.')
    .version(VERSION, '-V, --version')
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed or not ready, 2 wrong usage, 3 unreachable, 4 not found, 5 forbidden.',
    );
  addWhyCommand(program);
  addResultsCommand(program);
  addStatementCommand(program);
  addEdgeCommand(program);
  return program;
}
