import type { Command } from 'commander';
import { addEdgeTokenCreateCommand } from './edge-token-create-command.ts';
import { addEdgeTokenListCommand } from './edge-token-list-command.ts';
import { addEdgeTokenRevokeCommand } from './edge-token-revoke-command.ts';

/** `kubectl isochrone edge token ...`. */
export function addEdgeTokenCommand(edge: Command): void {
  const token = edge.command('token').description('Tokens by which members ask to join.');
  addEdgeTokenCreateCommand(token);
  addEdgeTokenListCommand(token);
  addEdgeTokenRevokeCommand(token);
}
