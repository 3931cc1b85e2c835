import { Command } from 'commander';
import { exitOverride } from './exit-override.ts';
import { installed } from './installed.ts';
import { addLedgerCommand } from './ledger-commands.ts';
import { serviceCommand } from './service-command.ts';
import { services } from './services.ts';
import { VERSION } from './version.ts';

/** The command line of `isochrone`. */
export function isochroneProgram(setStatus: (status: number) => void): Command {
  const program = exitOverride(new Command('isochrone'))
    .description('One inference pool out of scattered GPU clusters.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 unreachable or in use, 4 not found, 5 forbidden.',
    );
  for (const [name, service] of Object.entries(services)) {
    program.addCommand(serviceCommand(name, service, setStatus).passThroughOptions());
  }
  addLedgerCommand(program);
  program
    .command('demo')
    .description('Run a federation of four clusters on this machine, and a job through it.')
    .option('--keep', 'leave it up until Ctrl-C (KEEP=1)', process.env['KEEP'] === '1')
    .action(async ({ keep }: { keep: boolean }) => {
      const { runDemo } = await installed('demo', () => import('./demo/run-demo.ts'));
      setStatus(await runDemo({ keep }));
    });
  program
    .command('version')
    .description('Print the version.')
    .action(() => void process.stdout.write(`isochrone ${VERSION}\n`));
  // Commander's own would show the outer command of a program, which does not know the flags yet.
  program
    .command('help')
    .description('Show the help of a command.')
    .argument('[command...]')
    .action(async (names: string[]) => {
      await program.parseAsync([...names, '--help'], { from: 'user' });
    });
  return program;
}
