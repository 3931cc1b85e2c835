import type { Command } from 'commander';
import { formats, print, render, type Format } from '../output.ts';
import { jobName, withConnection } from './connection.ts';
import { fetchResults, resultsText } from './results.ts';

export function addResultsCommand(program: Command): void {
  program
    .command('results')
    .description('Check every result of a complete job against its digest, and download them.')
    .argument('<job>', 'job/NAME')
    .option('-o, --output <directory|format>', 'where to write the shards; or json, yaml or wide for a summary')
    .action(async (target: string, { output }: { output?: string }, command: Command) => {
      const name = jobName(target);
      const format: Format | undefined = formats.find((known) => known === output);
      const directory = format === undefined ? output : undefined;
      await withConnection(command.optsWithGlobals(), async (connected) => {
        const results = await fetchResults(connected, name, directory);
        print(render(results, format, (wide) => resultsText(results, wide)));
      });
    });
}
