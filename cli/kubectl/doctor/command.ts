import type { Command } from 'commander';
import { exitStatus } from '../../exit-status.ts';
import { documentFormats, formatOption, render } from '../../output.ts';
import { withConnection, type PrintOptions } from '../connection.ts';
import { diagnose } from './diagnose.ts';
import type { Finding } from './findings.ts';

/** `kubectl isochrone doctor`: its status is 1 when something is wrong that hinders work. */
export function addDoctorCommand(program: Command, setStatus: (status: number) => void): void {
  formatOption(program.command('doctor'), documentFormats)
    .description('Check an installation end to end, and tell what to mend.')
    .option('--edge', 'the cluster is a member (default: found out)')
    .action(async ({ edge }: { edge?: true }, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const findings = await diagnose(client, Date.now(), edge);
        process.stdout.write(render({ findings }, options.output, () => findingsText(findings)));
        setStatus(findings.some(({ severity }) => severity === 'error') ? exitStatus.failed : exitStatus.ok);
      });
    });
}

export function findingsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong.\n';
  return findings
    .map(
      ({ code, severity, object, message, remedy }) =>
        `${severity === 'error' ? 'ERROR' : 'WARN '} ${code}: ${object}\n      ${message}\n      → ${remedy}\n`,
    )
    .join('');
}
