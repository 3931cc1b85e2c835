import type { Command } from 'commander';
import { addEdgeCredentialsCommand } from './edge-credentials-command.ts';

/** `kubectl isochrone edge ...`. */
export function addEdgeCommand(program: Command): void {
  const edge = program.command('edge').description('Manage members.');
  addEdgeCredentialsCommand(edge);
}
