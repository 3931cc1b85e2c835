import { Command } from 'commander';
import { addBackupCommand, addRestoreCommand } from './backup/commands.ts';
import { addDemoCommand } from './demo-command.ts';
import { exitOverride } from './exit-override.ts';
import { exitStatusHelp } from './exit-status.ts';
import { addHelpCommand } from './help-command.ts';
import { addLedgerCommand } from './ledger-commands/ledger-command.ts';
import { serviceCommand } from './service-command.ts';
import { services } from './services.ts';
import { addVersionCommand } from './version-command.ts';
import { VERSION } from './version.ts';

/** The command line of `isochrone`. */
export function isochroneProgram(setStatus: (status: number) => void): Command {
  const program = exitOverride(new Command('isochrone'))
    .description('One inference pool out of scattered GPU clusters.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText('after', exitStatusHelp);
  for (const [name, service] of Object.entries(services)) {
    program.addCommand(serviceCommand(name, service, setStatus).passThroughOptions());
  }
  addLedgerCommand(program);
  addBackupCommand(program);
  addRestoreCommand(program);
  addDemoCommand(program, setStatus);
  addVersionCommand(program);
  addHelpCommand(program);
  return program;
}
