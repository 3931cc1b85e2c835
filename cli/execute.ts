import { CommanderError, type Command } from 'commander';
import { describeError } from './errors.ts';
import { exitStatus } from './exit-status.ts';

/**
 * Parses and runs a command line; whatever goes wrong becomes one line on standard error and an exit status.
 * @param build makes the program; a command tells its own exit status by `setStatus`
 */
export async function execute(
  build: (setStatus: (status: number) => void) => Command,
  argv: readonly string[],
): Promise<number> {
  let status: number = exitStatus.ok;
  // Whoever reads has had enough, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitStatus.ok);
  });
  try {
    await build((value) => (status = value)).parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    // Commander has printed its own message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
    const { message, status: failure } = describeError(error);
    process.stderr.write(`error: ${message}\n`);
    return failure;
  }
}
