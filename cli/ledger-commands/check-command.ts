import type { Command } from 'commander';
import { print, render } from '../output.ts';
import { ledgerOptions, withLedger, type LedgerOptions } from './open-ledger.ts';

export function addCheckCommand(group: Command): void {
  ledgerOptions(group.command('check'))
    .description('Prove that the books add up.')
    .action(async (options: LedgerOptions) => {
      await withLedger(options, async (ledger) => {
        await ledger.check();
        print(render({ ok: true }, options.output, () => 'every invariant of the books holds\n'));
      });
    });
}
