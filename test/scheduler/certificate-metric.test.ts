import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { observeCertificates } from '@isochrone/service';
import { CertificateAuthority } from '@isochrone/tools/local';
import { Registry } from 'prom-client';

const folder = await mkdtemp(join(tmpdir(), 'isochrone-certificates-'));
after(() => rm(folder, { recursive: true }));
const files = {
  certificate: join(folder, 'tls.crt'),
  key: join(folder, 'tls.key'),
  authority: join(folder, 'ca.crt'),
};
const name = 'isochrone_tls_certificate_expiration_timestamp_seconds';
const endOf = (certificate: string): number => new X509Certificate(certificate).validToDate.getTime() / 1000;

/** From January of 2020. */
const ended = `-----BEGIN CERTIFICATE-----
MIIBCDCBrgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVlbmRlZDAeFw0yMDAx
MDEwMDAwMDBaFw0yMDAyMDEwMDAwMDBaMBAxDjAMBgNVBAMMBWVuZGVkMFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAEjjRUPmnk+i+jKbWGWs1DC8nOIMfFbqLmLxG1
s6rBv5dayCYlcxTTZO7A9pGDMgQADguD41za/KKW8MH/EBspATAKBggqhkjOPQQD
AgNJADBGAiEAygvg94Ai/4g1zIW/O7HaUALurzMZMo4EZ0wqHDJh46MCIQCex2jE
1hSqjoJiH3XHqySKnz+S9uur/gQdJt2PdQnDAA==
-----END CERTIFICATE-----
`;

test('the ends of certificates are told as the files are now', async () => {
  const registry = new Registry();
  observeCertificates(registry, files);
  const told = async (): Promise<Record<string, number>> => {
    const values = (await registry.getSingleMetric(name)!.get()).values;
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels['certificate']), value]));
  };
  assert.deepEqual(await told(), {}, 'no file is there yet');
  const authority = new CertificateAuthority('ours');
  const { certificate } = authority.issueServer('scheduler', ['127.0.0.1']);
  await writeFile(files.certificate, certificate);
  await writeFile(files.authority, authority.certificate);
  assert.deepEqual(await told(), { own: endOf(certificate), authority: endOf(authority.certificate) });
  // Of several the first that ends, whatever their order.
  await writeFile(files.authority, `${ended}${authority.certificate}`);
  assert.equal((await told())['authority'], endOf(ended));
  await writeFile(files.authority, `${authority.certificate}${ended}`);
  assert.equal((await told())['authority'], endOf(ended));
  await writeFile(files.certificate, 'half a certifi');
  assert.equal((await told())['own'], endOf(certificate), 'the last answer stands');
  await rm(files.certificate);
  assert.equal((await told())['own'], endOf(certificate));
});

test('without TLS nothing is told', async () => {
  const registry = new Registry();
  observeCertificates(registry, undefined);
  assert.deepEqual((await registry.getSingleMetric(name)!.get()).values, []);
});
