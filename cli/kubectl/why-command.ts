import type { Command } from 'commander';
import type { InferenceJob } from '@isochrone/api';
import { print, render } from '../output.ts';
import { jobName, jobNamed, readJob, withConnection } from './connection.ts';
import { followAll } from './live.ts';
import { neverAborted, showOptions, type ShowOptions } from './show.ts';
import { whyDocument, whyText } from './why.ts';

export function addWhyCommand(program: Command): void {
  showOptions(program.command('why'))
    .description('Tell why a job is where it is, and what to change.')
    .argument('<job>', 'job/NAME')
    .action(async (target: string, _options: object, command: Command) => {
      const options = command.optsWithGlobals<ShowOptions>();
      const name = jobName(target);
      const tell = (job: InferenceJob): void =>
        print(
          render(whyDocument(job), options.output, (wide) => whyText(job, Date.now(), wide), [
            `inferencejob.isochrone.dev/${name}`,
          ]),
        );
      await withConnection(options, async (connected) => {
        tell(await readJob(connected, name));
        if (options.watch !== true) return;
        const { client, namespace } = connected;
        let known: string | undefined;
        await followAll(client, jobNamed(namespace, name), neverAborted(), ({ jobs: [job] }) => {
          const now = JSON.stringify(job?.status);
          const isFirst = known === undefined;
          if (job === undefined || now === known) return;
          known = now;
          if (isFirst) return;
          print(
            options.output === undefined || options.output === 'wide' ? '\n' : options.output === 'yaml' ? '---\n' : '',
          );
          tell(job);
        });
      });
    });
}
