import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLedger, type Ledger } from '@isochrone/ledger';
import { startPostgres } from '@isochrone/tools/local';
import { median, type Benchmark, type Row } from './benchmark.ts';

const ATTEMPTS = 300;
const ROUNDS = 6;
const SHARDS = [0, 1, 2, 3];

async function settle(ledger: Ledger, token: bigint, first: number): Promise<void> {
  for (let attempt = first; attempt < first + ATTEMPTS; attempt++) {
    const shards = SHARDS.map((shard) => ({ index: attempt * SHARDS.length + shard, records: 8, amount: 100n }));
    const key = { token, jobUID: 'job', attempt };
    await ledger.hold({ ...key, namespace: 'n', provider: 'p', node: 'node', purpose: 'Work', shards });
    await ledger.release(key);
  }
}

export const ledger: Benchmark = {
  name: 'ledger',
  about: `hold and release of one attempt of ${SHARDS.length} shards, both engines in turns, medians of ${ROUNDS} rounds of ${ATTEMPTS}; PostgreSQL's own CPU is not in it`,
  async run() {
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
        await settle(ledger, token, 1 + round * ATTEMPTS);
        const { user, system } = process.cpuUsage(before);
        cpu.push((user + system) / 1000 / ATTEMPTS);
        wall.push((performance.now() - started) / ATTEMPTS);
      }
    }
    const rows: Row[] = [];
    for (const { name, ledger, cpu, wall } of engines) {
      rows.push({ engine: name, 'CPU ms': Number(median(cpu).toFixed(2)), ms: Number(median(wall).toFixed(2)) });
      await ledger.check();
      await ledger.close();
    }
    await server.stop();
    await rm(folder, { recursive: true });
    return rows;
  },
};
