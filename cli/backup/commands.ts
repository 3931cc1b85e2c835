import type { Command } from 'commander';
import { installed } from '../installed.ts';
import { ledgerLocation } from '../ledger-commands/open-ledger.ts';
import { documentFormats, formatOption } from '../output.ts';
import type { BackupOptions, RestoreOptions } from './actions.ts';

/** Only now: they are made of what the operator is made of, which not every installation has. */
const load = (name: 'backup' | 'restore') => installed(name, () => import('./actions.ts'));

function hubOptions(command: Command): Command {
  return ledgerLocation(command)
    .option('--kubeconfig <file>', 'of the hub; default: $KUBECONFIG, then ~/.kube/config, then the ServiceAccount')
    .option('--context <name>', 'default: the current context');
}

/** `isochrone backup`: hub objects and ledger in one file, also while the operator runs. */
export function addBackupCommand(program: Command): void {
  hubOptions(program.command('backup'))
    .description('Write the objects of the hub and the ledger into one file.')
    .requiredOption('--output <file>', 'must not exist; - for standard output')
    .option('--no-secrets', "leave the operator's Secret out; then it must be kept elsewhere")
    .action(async (options: BackupOptions) => (await load('backup')).backUp(options));
}

/** `isochrone restore`: the way back, into an empty ledger and a hub without an operator. */
export function addRestoreCommand(program: Command): void {
  formatOption(hubOptions(program.command('restore')), documentFormats)
    .description('Make a hub and a ledger what a backup says. No operator may run meanwhile.')
    .argument('<file>', 'written by isochrone backup')
    .option('--replace', 'delete the objects that the hub has now; namespaces and credentials of members stay')
    .action(async (file: string, options: RestoreOptions) => (await load('restore')).restoreBackup(file, options));
}
