import type { Command } from 'commander';
import { stringify } from 'yaml';
import { documentFormats, formatOption, print, render } from '../output.ts';
import { withConnection, type PrintOptions } from './connection.ts';
import { edgeKubeconfig } from './edge-credentials.ts';

export function addEdgeCredentialsCommand(edge: Command): void {
  formatOption(edge.command('credentials'), documentFormats)
    .description(
      'Print a kubeconfig that sees the hub with the rights of a member, to look into its trouble. It holds a token of an hour: keep it secret.',
    )
    .argument('<cluster>', 'name of an EdgeCluster')
    .option('--server <url>', 'address of the hub as the member sees it (default: that of this context)')
    .action(async (cluster: string, { server }: { server?: string }, command: Command) => {
      const options = command.optsWithGlobals<PrintOptions>();
      await withConnection(options, async ({ client }) => {
        const config = await edgeKubeconfig(client, cluster, server);
        print(render(config, options.output, () => stringify(config)));
      });
    });
}
