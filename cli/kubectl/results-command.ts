import type { Command } from 'commander';
import { objectFormats, print, render, type Format } from '../output.ts';
import { ProgressBar } from '../progress-bar.ts';
import { jobName, withConnection } from './connection.ts';
import { fetchResults, resultsText } from './results.ts';

export function addResultsCommand(program: Command): void {
  program
    .command('results')
    .description('Check every result of a complete job against its digest, and download them.')
    .argument('<job>', 'job/NAME')
    .option('-o, --output <directory|format>', 'where to write the shards; or json, yaml, wide or name for a summary')
    .action(async (target: string, { output }: { output?: string }, command: Command) => {
      const name = jobName(target);
      const format: Format | undefined = objectFormats.find((known) => known === output);
      const directory = format === undefined ? output : undefined;
      await withConnection(command.optsWithGlobals(), async (connected) => {
        const bar = new ProgressBar(process.stderr, directory === undefined ? 'checking' : 'downloading');
        const results = await fetchResults(connected, name, directory, (done, total) =>
          bar.show(done, total, 'shards'),
        ).finally(() => bar.end());
        print(render(results, format, (wide) => resultsText(results, wide), [`inferencejob.isochrone.dev/${name}`]));
      });
    });
}
