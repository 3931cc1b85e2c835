import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import type { TlsFiles } from './tls-files.ts';

/**
 * Tells when the certificates of one side of mutual TLS end. The files are read at each scrape, because they are replaced while the
 * program runs; of a file that cannot be read the last answer stands.
 * @param files undefined: there is no TLS, and nothing to tell
 */
export function observeCertificates(registry: Registry, files: TlsFiles | undefined): void {
  new Gauge({
    name: 'isochrone_tls_certificate_expiration_timestamp_seconds',
    help: 'When the own certificate expires, and when the first of the authorities that the other side must come from does',
    labelNames: ['certificate'],
    registers: [registry],
    collect() {
      if (files === undefined) return;
      for (const certificate of ['own', 'authority'] as const) {
        const ends = earliestEnd(certificate === 'own' ? files.certificate : files.authority);
        if (ends !== undefined) this.set({ certificate }, ends);
      }
    },
  });
}

/** Of all certificates in a PEM file, in seconds since 1970. */
function earliestEnd(path: string): number | undefined {
  try {
    const blocks = readFileSync(path, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const ends = blocks.map((block) => new X509Certificate(block).validToDate.getTime() / 1000);
    return ends.length === 0 ? undefined : Math.min(...ends);
  } catch {
    // Half written, or away for a moment: whoever serves with it tells that, and this must not take all metrics along.
    return undefined;
  }
}
