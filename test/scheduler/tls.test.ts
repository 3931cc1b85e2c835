import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkTlsFiles, type TlsFiles } from '@isochrone/service';
import { CertificateAuthority, eventually, type Identity } from '@isochrone/tools/local';
import pino from 'pino';
import { Registry } from 'prom-client';
import { createSchedulerClient, type SchedulerClient } from '../../operator/scheduler-client.ts';
import { SchedulerMetrics } from '../../scheduler/metrics.ts';
import { Scheduler } from '../../scheduler/scheduler.ts';
import { SchedulerServer, tlsServerCredentials } from '../../scheduler/server.ts';
import { makeClaims, makeFleet, makeRequest } from '../../scheduler/testing/fixtures.ts';

const folder = await mkdtemp(join(tmpdir(), 'isochrone-tls-'));
after(() => rm(folder, { recursive: true }));
const refreshMilliseconds = 20;

const ours = new CertificateAuthority('ours');
const others = new CertificateAuthority('others');
const serverOf = (authority: CertificateAuthority): Identity => authority.issueServer('scheduler', ['127.0.0.1']);
const clientOf = (authority: CertificateAuthority): Identity => authority.issueClient({ user: 'operator' });

/** Writes the files of one side, or writes over them as a rotation does. */
async function files(name: string, { certificate, key }: Identity, authority: CertificateAuthority): Promise<TlsFiles> {
  const paths = {
    certificate: join(folder, `${name}.crt`),
    key: join(folder, `${name}.key`),
    authority: join(folder, `${name}-ca.crt`),
  };
  await Promise.all([
    writeFile(paths.certificate, certificate),
    writeFile(paths.key, key),
    writeFile(paths.authority, authority.certificate),
  ]);
  return paths;
}

async function startServer(tls: TlsFiles, port = 0): Promise<{ address: string; server: SchedulerServer }> {
  const fleet = makeFleet({ name: 'n', device: { slots: 64 } });
  const claims = makeClaims(fleet);
  const [registry, clock, logger] = [new Registry(), { monotonic: () => 0 }, pino({ level: 'silent' })];
  const metrics = new SchedulerMetrics({ registry, claims, table: fleet.table, clock, lastChangeAt: () => 0 });
  const scheduler = new Scheduler({ fleet, claims, valueOfTime: 0.3, seed: 1 });
  const server = new SchedulerServer({ scheduler, metrics, logger, readiness: () => true });
  const bound = await server.listen(`127.0.0.1:${port}`, tlsServerCredentials(tls, refreshMilliseconds));
  return { address: `127.0.0.1:${bound}`, server };
}

function connect(address: string, tls: TlsFiles | undefined): SchedulerClient {
  const client = createSchedulerClient({ address, tls, refreshMilliseconds, timeoutMilliseconds: 2_000 });
  after(() => client.close());
  return client;
}

let attempt = 0;
const place = async (client: SchedulerClient): Promise<string | undefined> =>
  (await client.place([{ ...makeRequest(), attempt: ++attempt } as never]))[0]?.binding?.node;
const refused = (client: SchedulerClient): Promise<void> =>
  assert.rejects(place(client), { code: 'SCHEDULER_UNAVAILABLE' });

describe('TLS between the operator and the scheduler', () => {
  test('is mutual: both sides need a certificate of the authority that the other one trusts', async () => {
    const { address, server } = await startServer(await files('server', serverOf(ours), ours));
    assert.equal(await place(connect(address, await files('client', clientOf(ours), ours))), 'n');
    await refused(connect(address, undefined));
    await refused(connect(address, await files('stranger', clientOf(others), ours)));
    await assert.rejects(place(connect(address, await files('mistrusting', clientOf(ours), others))), {
      code: 'SCHEDULER_UNAVAILABLE',
      message: /certificate/,
    });
    await server.close();
  });

  test('certificates and authorities are rotated under both without a restart', async () => {
    // Given an operator and a scheduler that know each other
    const serverFiles = await files('rotating-server', serverOf(ours), ours);
    const clientFiles = await files('rotating-client', clientOf(ours), ours);
    const { address, server } = await startServer(serverFiles);
    const client = connect(address, clientFiles);
    assert.equal(await place(client), 'n');

    // When everything comes from another authority
    await files('rotating-server', serverOf(others), others);
    await files('rotating-client', clientOf(others), others);

    // Then the connection that is open goes on, new ones need the new authority
    assert.equal(await place(client), 'n');
    const newcomer = connect(address, await files('newcomer', clientOf(others), others));
    assert.equal(await eventually(() => place(newcomer)), 'n');
    await refused(connect(address, await files('late', clientOf(ours), ours)));

    // And the operator connects anew with its new certificate
    await server.close();
    const again = await startServer(serverFiles, Number(address.split(':')[1]));
    assert.equal(await eventually(() => place(client)), 'n');
    await again.server.close();
  });

  const flags = { certificate: '--tls-cert-file', key: '--tls-key-file', authority: '--tls-client-ca-file' };
  const now = Date.now();
  const faults: readonly [string, (right: TlsFiles) => Partial<TlsFiles>, number, RegExp][] = [
    [
      'one file',
      ({ certificate }) => ({ certificate }),
      now,
      /--tls-cert-file given without --tls-key-file and --tls-client/,
    ],
    [
      'a file that is not there',
      (right) => ({ ...right, key: '/none' }),
      now,
      /--tls-key-file \/none cannot be read: ENOENT/,
    ],
    ['a key for a certificate', (right) => ({ ...right, certificate: right.key }), now, /is not a PEM certificate/],
    ['a certificate for a key', (right) => ({ ...right, key: right.certificate }), now, /is not a PEM private key/],
    [
      'an authority that is none',
      (right) => ({ ...right, authority: right.key }),
      now,
      /--tls-client-ca-file .* is not PEM/,
    ],
    ['an expired certificate', (right) => right, now + 10 ** 13, /--tls-cert-file .* expired at 20.*issue a new/],
  ];
  for (const [name, change, at, message] of faults) {
    test(`refuses ${name}, by name`, async () => {
      const right = await files('right', serverOf(ours), ours);
      const given = { certificate: undefined, key: undefined, authority: undefined, ...change(right) };
      assert.throws(() => checkTlsFiles(given, flags, at), { code: 'OPTION_INVALID', message });
    });
  }

  test('refuses the key of another certificate, by name', async () => {
    const right = await files('right', serverOf(ours), ours);
    const other = await files('other', serverOf(ours), ours);
    assert.deepEqual(checkTlsFiles(right, flags, now), right);
    assert.throws(() => checkTlsFiles({ ...right, key: other.key }, flags, now), { message: /is not the key of/ });
  });
});
