import { isIP } from 'node:net';
import { ServiceError, checkTlsFiles, defineOptions, option, type OptionsOf, type TlsFiles } from '@isochrone/service';
import { parseMicros } from './table/quantity.ts';

export const schedulerOptions = defineOptions({
  kubeconfig: option.string({ description: 'Kubeconfig of the hub. Without it: the ServiceAccount of the Pod.' }),
  listenAddress: option.string({
    description:
      'Where Place and Explain are served: host:port; port 0 takes a free one. Plaintext unless there are TLS files.',
    default: '127.0.0.1:7300',
  }),
  tlsCertFile: option.string({ description: 'Certificate of the scheduler, PEM. Read again when it changes.' }),
  tlsKeyFile: option.string({ description: 'Private key of the certificate, PEM.' }),
  tlsClientCaFile: option.string({ description: 'Authorities that the certificate of a caller must come from, PEM.' }),
  insecureListen: option.boolean({
    description:
      'Allow a listen address that other machines reach without TLS files, although callers are not authenticated.',
    default: false,
  }),
  assumeSeconds: option.integer({
    description: 'How long a placement holds capacity before its task is seen.',
    default: 60,
    minimum: 1,
    maximum: 3600,
  }),
  valueOfTimePerHour: option.string({
    description: 'What an hour of waiting is worth to Balanced jobs, in the currency of the federation.',
    default: '1.00',
    pattern: /^[0-9]{1,9}(\.[0-9]{1,6})?$/,
  }),
  seed: option.integer({
    description: 'Of the choice among equal nodes.',
    default: 1,
    minimum: 0,
    maximum: 4_294_967_295,
  }),
});

/** Micro-currency per millisecond. */
export function valueOfTime({
  valueOfTimePerHour,
}: Pick<OptionsOf<typeof schedulerOptions>, 'valueOfTimePerHour'>): number {
  return parseMicros(valueOfTimePerHour) / 3_600_000;
}

/** @param now milliseconds since 1970 @throws ServiceError OPTION_INVALID */
export function tlsFiles(
  options: Pick<OptionsOf<typeof schedulerOptions>, 'tlsCertFile' | 'tlsKeyFile' | 'tlsClientCaFile'>,
  now: number,
): TlsFiles | undefined {
  return checkTlsFiles(
    { certificate: options.tlsCertFile, key: options.tlsKeyFile, authority: options.tlsClientCaFile },
    { certificate: '--tls-cert-file', key: '--tls-key-file', authority: '--tls-client-ca-file' },
    now,
  );
}

/**
 * The address to bind. Whoever reaches it can take capacity, so that only this machine may, unless that is asked for.
 * @throws ServiceError OPTION_INVALID
 */
export function bindAddress(
  options: Pick<OptionsOf<typeof schedulerOptions>, 'listenAddress' | 'insecureListen'>,
  isSecure: boolean,
): string {
  const { listenAddress, insecureListen } = options;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listenAddress);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || Number(match![3]) > 65_535) {
    throw invalid(listenAddress, 'write host:port, such as 127.0.0.1:7300');
  }
  if (!isSecure && !insecureListen && !isLoopback(host)) {
    throw invalid(
      listenAddress,
      'calls are neither encrypted nor authenticated; listen on 127.0.0.1, give --tls-cert-file, --tls-key-file and --tls-client-ca-file, or add --insecure-listen',
    );
  }
  return listenAddress;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function invalid(address: string, remedy: string): ServiceError {
  return new ServiceError('OPTION_INVALID', `--listen-address is ${JSON.stringify(address)}; ${remedy}`);
}
