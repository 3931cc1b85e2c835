import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { EdgeJoinRequestSpec } from '@isochrone/api';
import { parseDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { print } from '../output.ts';
import { withConnection, type ConnectionOptions } from './connection.ts';
import { createEdgeToken, isLoopback } from './create-edge-token.ts';

interface Flags extends ConnectionOptions {
  readonly ttl: string;
  readonly server?: string;
  readonly certificateAuthority?: string;
  readonly class?: 'Edge' | 'Trusted';
  readonly provider?: string;
  readonly latitude?: string;
  readonly longitude?: string;
  readonly country?: string;
  readonly region?: string;
}

export function addEdgeTokenCreateCommand(token: Command): void {
  token
    .command('create')
    .description(
      'Print a token by which one member may ask to join, once. It is a secret: hand it over by a way that nobody reads.',
    )
    .argument('<cluster>', 'name of the EdgeCluster, which need not exist yet')
    .option('--ttl <duration>', 'how long it may be used, from 1m to 168h', '1h')
    .option('--server <url>', "address of the hub as the member sees it (default: this context's)")
    .option('--certificate-authority <file>', "PEM that signed the hub's certificate (default: this context's)")
    .option('--provider <name>', 'with the location: "edge accept" creates the EdgeCluster for this Provider')
    .addOption(new Option('--class <class>', 'default: Edge').choices(['Edge', 'Trusted']))
    .option('--latitude <degrees>', 'degrees north, such as 50.11')
    .option('--longitude <degrees>', 'degrees east, such as 8.68')
    .option('--country <code>', 'ISO 3166-1 alpha-2 code, such as DE')
    .option('--region <name>', 'such as eu-central')
    .action(async (cluster: string, _own: object, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const settings = {
        cluster,
        ttlMilliseconds: parseDuration('--ttl', flags.ttl),
        server: flags.server,
        certificateAuthority: await readAuthority(flags.certificateAuthority),
        clusterSpec: clusterSpecOf(flags),
      };
      await withConnection(flags, async ({ client }) => {
        const source = { now: Date.now(), suffix: randomBytes(4).toString('hex') };
        const { text, expirationTime, server } = await createEdgeToken(client, settings, source);
        print(`${text}\n`);
        if (isLoopback(server)) {
          process.stderr.write(
            `warning: the token names ${server}, where no other machine finds the hub; see --server\n`,
          );
        }
        process.stderr.write(`Valid until ${expirationTime}. On the member: helm install with it as value "token".\n`);
        process.stderr.write(`Then here: kubectl isochrone edge accept ${cluster}\n`);
      });
    });
}

/** Of the flags all or none: with half of them nothing can be created. @throws CliError USAGE */
export function clusterSpecOf(flags: Omit<Flags, 'ttl'>): EdgeJoinRequestSpec['cluster'] {
  const { provider, latitude, longitude, country, region } = flags;
  const needed = { provider, latitude, longitude, country, region };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value === undefined ? [`--${name}`] : []));
  if (missing.length === Object.keys(needed).length && flags.class === undefined) return undefined;
  if (missing.length > 0) {
    throw new CliError(
      'USAGE',
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; an EdgeCluster is created with a provider and a whole location, or leave all of them out and apply it yourself`,
    );
  }
  return {
    class: flags.class ?? 'Edge',
    providerRef: { name: provider! },
    location: { latitude: latitude!, longitude: longitude!, country: country!, region: region! },
  };
}

async function readAuthority(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CliError('USAGE', `--certificate-authority ${file} cannot be read; name a PEM file`, { cause });
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new CliError('USAGE', `--certificate-authority ${file} holds no certificate; name a PEM file`);
}
