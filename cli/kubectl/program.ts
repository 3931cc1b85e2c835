import { Command } from 'commander';
import { exitOverride } from '../exit-override.ts';
import { exitStatusHelp } from '../exit-status.ts';
import { VERSION } from '../version.ts';
import { connectionOptions } from './connection.ts';
import { addCompletionCommand } from './completion-command.ts';
import { addCordonCommand, addUncordonCommand } from './cordon-command.ts';
import { addDoctorCommand } from './doctor/command.ts';
import { addDrainCommand } from './drain-command.ts';
import { addEdgeCommand } from './edge-command.ts';
import { addEventsCommand } from './events-command.ts';
import { addModelCommand } from './model-command.ts';
import { addNodesCommand } from './nodes-command.ts';
import { addResultsCommand } from './results-command.ts';
import { addRunCommand } from './run-command.ts';
import { addStatementCommand } from './statement-command.ts';
import { addTopCommand } from './top-command.ts';
import { addTrustCommand } from './trust-command.ts';
import { addWhyCommand } from './why-command.ts';

/** The command line of `kubectl isochrone`. */
export function kubectlProgram(setStatus: (status: number) => void = () => undefined): Command {
  const program = connectionOptions(exitOverride(new Command('kubectl-isochrone')))
    .configureHelp({ showGlobalOptions: true })
    .usage('COMMAND [flags]   (also: kubectl isochrone COMMAND)')
    .description('Run work on an Isochrone federation, look into it, and manage its members.')
    .version(VERSION, '-V, --version')
    .addHelpText('after', exitStatusHelp);
  addRunCommand(program);
  addWhyCommand(program);
  addResultsCommand(program);
  addStatementCommand(program);
  addEventsCommand(program);
  addTopCommand(program);
  addNodesCommand(program);
  addCordonCommand(program);
  addUncordonCommand(program);
  addDrainCommand(program);
  addTrustCommand(program);
  addModelCommand(program);
  addEdgeCommand(program);
  addDoctorCommand(program, setStatus);
  addCompletionCommand(program);
  return program;
}
