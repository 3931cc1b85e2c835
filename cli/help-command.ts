import type { Command } from 'commander';

/** Commander's own would show the outer command of a program, which does not know the flags yet. */
export function addHelpCommand(program: Command): void {
  program
    .command('help')
    .description('Show the help of a command.')
    .argument('[command...]')
    .action(async (names: string[]) => {
      await program.parseAsync([...names, '--help'], { from: 'user' });
    });
}
