import { Argument, type Command } from 'commander';
import { print } from '../output.ts';
import { completionOf, completionText, type Candidate } from './complete.ts';
import { completionScripts, kubectlCompleteScript } from './completion-scripts.ts';
import { withConnection } from './connection.ts';
import { knownNames } from './known-names.ts';

const scripts = { ...completionScripts, kubectl: kubectlCompleteScript };

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description(
      'Print the script by which a shell completes kubectl-isochrone; or, for kubectl, the program kubectl_complete-isochrone by which kubectl completes its plug-in.',
    )
    .addArgument(new Argument('<shell>', 'for whom').choices(Object.keys(scripts)))
    .action((shell: keyof typeof scripts) => print(scripts[shell]));
}

/**
 * Answers the scripts and kubectl. No command of the program, which would take the flags among the words for its own.
 * @param words after the name of the program; the last is where the cursor is
 */
export async function complete(program: Command, words: readonly string[]): Promise<void> {
  const completion = completionOf(program, words);
  const { connection, sources, word } = completion;
  const names: Candidate[] = [];
  for (const source of sources) {
    // Where the server cannot be asked there are no names, and no message would help a prompt.
    await withConnection(connection, async (connected) => {
      names.push(...(await knownNames(source, sources, word, connection, connected)));
    }).catch(() => undefined);
  }
  print(completionText(completion, [...completion.candidates, ...names]));
}
