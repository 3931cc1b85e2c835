import type { Command } from 'commander';
import { addEdgeAcceptCommand } from './edge-accept-command.ts';
import { addEdgeCredentialsCommand } from './edge-credentials-command.ts';
import { addEdgeLeaveCommand } from './edge-leave-command.ts';
import { addEdgeRevokeCommand } from './edge-revoke-command.ts';
import { addEdgeTokenCommand } from './edge-token-command.ts';

/** `kubectl isochrone edge ...`. */
export function addEdgeCommand(program: Command): void {
  const edge = program.command('edge').description('Members: joining, leaving, and their credentials.');
  addEdgeTokenCommand(edge);
  addEdgeAcceptCommand(edge);
  addEdgeLeaveCommand(edge);
  addEdgeRevokeCommand(edge);
  addEdgeCredentialsCommand(edge);
}
