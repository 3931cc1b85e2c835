import type { Command } from 'commander';
import { formatOption, print, render } from '../output.ts';
import { jobName, readJob, withConnection, type ConnectionOptions } from './connection.ts';
import { whyDocument, whyText } from './why.ts';

export function addWhyCommand(program: Command): void {
  formatOption(program.command('why'))
    .description('Tell why a job is where it is, and what to change.')
    .argument('<job>', 'job/NAME')
    .action(async (target: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<ConnectionOptions>();
      const name = jobName(target);
      await withConnection(options, async (connected) => {
        const job = await readJob(connected, name);
        print(render(whyDocument(job), options.output, (wide) => whyText(job, Date.now(), wide)));
      });
    });
}
