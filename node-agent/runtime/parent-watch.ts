/**
 * Thread of a runtime process that ends the process when the agent is gone. The main thread cannot see it: onnxruntime's run
 * holds that thread until it returns, which for a broken model may be never.
 */
import { Socket } from 'node:net';

// The agent holds the other end of standard input and never writes to it; the kernel closes it however the agent dies.
new Socket({ fd: 0 }).on('error', endProcess).on('close', endProcess).resume();

function endProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}
