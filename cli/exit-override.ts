import type { Command } from 'commander';

/** Makes commander throw where it would end the process, and say where help is. Subcommands inherit it when made later. */
export function exitOverride(command: Command): Command {
  return command.exitOverride().showHelpAfterError('(add --help for the usage)').showSuggestionAfterError();
}
