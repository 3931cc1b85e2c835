/** A program that starts two processes under a supervisor and then waits for its end, whatever that is. */
import { setTimeout as delay } from 'node:timers/promises';
import { ProcessSupervisor } from './process-supervisor.ts';
import { freePort, isFree } from './sockets.ts';

const supervisor = await ProcessSupervisor.create({ name: 'fixture' });
const port = await freePort();
// One of them has a child of its own, in the same process group.
const graceful = await supervisor.start({ name: 'graceful', command: '/bin/sh', args: ['-c', 'sleep 1000 & wait'] });
const disposable = await supervisor.start({
  name: 'disposable',
  command: process.execPath,
  args: ['-e', `require('node:net').createServer().listen(${port}, '127.0.0.1')`],
  ready: async () => !(await isFree(port)),
  disposable: true,
});
console.log(JSON.stringify({ directory: supervisor.directory, groups: [graceful.pid, disposable.pid], port }));

if (process.argv[2] === 'exit') process.exit(0);
if (process.argv[2] === 'throw') throw new Error('a crash');
await delay(100_000);
