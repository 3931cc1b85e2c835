/** Starts a cluster and stays, for tests that kill it. Usage: node cluster-process.ts INDEX; prints the cluster's directory. */
import { startCluster } from '@isochrone/tools/cluster';

const cluster = await startCluster({ name: 'doomed', index: Number(process.argv[2]) });
process.stdout.write(`${cluster.directory}\n`);
setInterval(() => undefined, 2 ** 30);
