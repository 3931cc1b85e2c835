/**
 * An agent that cheats, as a process with the credentials of a real one. It keeps every rule of the protocol but the one that
 * its strategy breaks.
 */
import { generateKeyPairSync } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient } from '@isochrone/kube';
import { MemberNode } from './member-node.ts';
import { strategies } from './strategies.ts';
import { runTask } from './task-work.ts';

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    node: { type: 'string' },
    price: { type: 'string' },
    strategy: { type: 'string' },
  },
});
const { kubeconfig, node: name, price, strategy: strategyName } = values;
const strategy = strategies[strategyName ?? ''];
if (kubeconfig === undefined || name === undefined || price === undefined || strategy === undefined) {
  throw new Error(
    `usage: --kubeconfig FILE --node NAME --price DECIMAL --strategy ${Object.keys(strategies).join('|')}`,
  );
}

const keys = generateKeyPairSync('ed25519');
const client = await ApiClient.fromKubeconfig({ path: kubeconfig });
const node = new MemberNode(client, name);
await node.register(keys.publicKey, price);
const signer = { ...keys, sequence: 0, previous: undefined };
console.log(`ready ${strategyName ?? ''}`);
for (;;) {
  await node.renewLease();
  for (const task of await node.tasks()) await runTask(node, signer, strategy, task);
  await delay(100);
}
