import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ServiceError } from './errors.ts';

/** PEM files of one side of mutual TLS. */
export interface TlsFiles {
  /** Own certificate, and what leads from it to the authority. */
  readonly certificate: string;
  readonly key: string;
  /** Authorities that the other side's certificate must come from. */
  readonly authority: string;
}

/** The flags that the paths came from, for messages: `--tls-cert-file`. */
export type TlsFlags = { readonly [K in keyof TlsFiles]: string };

/**
 * The files, when all three are given; undefined when none is. They are looked at now, so that what is wrong is told at the
 * start and by name; whoever uses them reads them again when they change.
 *
 * @param now milliseconds since 1970
 * @throws ServiceError OPTION_INVALID
 */
export function checkTlsFiles(
  files: { readonly [K in keyof TlsFiles]: string | undefined },
  flags: TlsFlags,
  now: number,
): TlsFiles | undefined {
  const { certificate, key, authority } = files;
  const names = ['certificate', 'key', 'authority'] as const;
  const missing = names.filter((name) => files[name] === undefined);
  if (missing.length === names.length) return undefined;
  if (certificate === undefined || key === undefined || authority === undefined) {
    const given = names.filter((name) => files[name] !== undefined).map((name) => flags[name]);
    const lacking = missing.map((name) => flags[name]);
    throw invalid(`${given.join(' and ')} given without ${lacking.join(' and ')}; TLS is mutual: give all three`);
  }
  const own = parse(flags.certificate, certificate, 'a PEM certificate', (text) => new X509Certificate(text));
  const privateKey = parse(flags.key, key, 'a PEM private key', (text) => createPrivateKey(text));
  parse(flags.authority, authority, 'PEM certificates', (text) => new X509Certificate(text));
  if (!own.checkPrivateKey(privateKey)) {
    throw invalid(
      `${flags.key} ${key} is not the key of ${flags.certificate} ${certificate}; give the two of one pair`,
    );
  }
  if (own.validToDate.getTime() <= now) {
    throw invalid(
      `${flags.certificate} ${certificate} expired at ${own.validToDate.toISOString()}; issue a new certificate`,
    );
  }
  return { certificate, key, authority };
}

function parse<T>(flag: string, path: string, what: string, read: (text: Buffer) => T): T {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (error) {
    throw invalid(`${flag} ${path} cannot be read: ${(error as Error).message}; name a file that exists`, error);
  }
  try {
    return read(text);
  } catch (error) {
    throw invalid(`${flag} ${path} is not ${what}: ${(error as Error).message}`, error);
  }
}

function invalid(message: string, cause?: unknown): ServiceError {
  return new ServiceError('OPTION_INVALID', message, { cause });
}
