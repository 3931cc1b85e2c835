/**
 * CPU time and time of one attempt of four shards, held and released, on both engines in turns. PostgreSQL's own CPU is not in it.
 * `node test/bench/ledger.ts [attempts]` prints one line per engine. Not a test: figures belong to a machine.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger, type Ledger } from '@isochrone/ledger';
import { startPostgres } from '@isochrone/tools/local';

const attempts = Number(process.argv[2] ?? 500);
const ROUNDS = 6;
const SHARDS = [0, 1, 2, 3];

async function settle(ledger: Ledger, token: bigint, first: number): Promise<void> {
  for (let attempt = first; attempt < first + attempts; attempt++) {
    const shards = SHARDS.map((shard) => ({ index: attempt * SHARDS.length + shard, records: 8, amount: 100n }));
    const key = { token, jobUID: 'job', attempt };
    await ledger.hold({ ...key, namespace: 'n', provider: 'p', node: 'node', purpose: 'Work', shards });
    await ledger.release(key);
  }
}

const folder = await mkdtemp(join(tmpdir(), 'ledger-bench-'));
const server = await startPostgres();
const engines = await Promise.all(
  Object.entries({ SQLite: join(folder, 'books.sqlite'), PostgreSQL: server.url }).map(async ([name, location]) => {
    const ledger = openLedger(location, { now: Date.now });
    await ledger.deposit({ namespace: 'n', amount: 10n ** 12n, idempotencyKey: 'bench' });
    const token = await ledger.acquireLeadership('bench');
    return { name, ledger, token, cpu: [] as number[], wall: [] as number[] };
  }),
);
for (let round = 0; round < ROUNDS; round++) {
  for (const { ledger, token, cpu, wall } of engines) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    await settle(ledger, token, 1 + round * attempts);
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000 / attempts);
    wall.push((performance.now() - started) / attempts);
  }
}
const median = (values: number[]): string =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!.toFixed(2);
for (const { name, ledger, cpu, wall } of engines) {
  console.log(
    `${name.padEnd(12)} ${median(cpu)} ms CPU, ${median(wall)} ms for hold and release of ${SHARDS.length} shards`,
  );
  await ledger.check();
  await ledger.close();
}
await server.stop();
await rm(folder, { recursive: true });
