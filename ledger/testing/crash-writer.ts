/**
 * The child of describe-crash.ts: settles attempt after attempt until it is killed, and reports each answer once it has it.
 * Arguments: location of the ledger, first attempt, seed.
 */
import { writeSync } from 'node:fs';
import { openLedger } from '../open-ledger.ts';

const [location, first, seed] = process.argv.slice(2);
const ledger = openLedger(location!, { now: () => Date.now() });
const token = await ledger.acquireLeadership(`pid-${process.pid}`);
for (let attempt = Number(first); ; attempt++) {
  const key = { token, jobUID: 'job', attempt };
  const shards = [0, 1, 2].map((index) => ({ index: attempt * 3 + index, records: 1, amount: 1n }));
  await ledger.hold({ ...key, namespace: 'n', provider: 'p', node: 'n1', purpose: 'Work', shards });
  writeSync(1, `held ${attempt}\n`);
  if ((attempt * Number(seed)) % 3 === 0) await ledger.refund({ ...key, reason: 'Lost', charged: false });
  else await ledger.release(key);
  writeSync(1, `settled ${attempt}\n`);
}
