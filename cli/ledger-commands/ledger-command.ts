import type { Command } from 'commander';
import { addBalanceCommand } from './balance-command.ts';
import { addCheckCommand } from './check-command.ts';
import { addDepositCommand } from './deposit-command.ts';
import { addStatementCommand } from './statement-command.ts';

/** `isochrone ledger ...`: the administrator's view of the books, also while the operator runs. */
export function addLedgerCommand(program: Command): void {
  const ledger = program.command('ledger').description('Deposit into the ledger, and look into it.');
  addDepositCommand(ledger);
  addBalanceCommand(ledger);
  addStatementCommand(ledger);
  addCheckCommand(ledger);
}
