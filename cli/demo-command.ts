import type { Command } from 'commander';
import { installed } from './installed.ts';

export function addDemoCommand(program: Command, setStatus: (status: number) => void): void {
  program
    .command('demo')
    .description('Run a federation of four clusters on this machine, and a job through it.')
    .option('--keep', 'leave it up until Ctrl-C (KEEP=1)', process.env['KEEP'] === '1')
    .action(async ({ keep }: { keep: boolean }) => {
      const { runDemo } = await installed('demo', () => import('./demo/run-demo.ts'));
      setStatus(await runDemo({ keep }));
    });
}
