import { spawn } from 'node:child_process';

/**
 * The last line of each kind counts. End of input means that the parent is gone, however it went (Ctrl-C, a crash,
 * `kill -9`): the kernel closed the pipe. A group is named by its leader's pid, and `kill` takes it with a minus.
 */
const script = `
graceful= disposable= folder=
while read -r verb value; do
  case $verb in
    graceful) graceful=$value ;;
    disposable) disposable=$value ;;
    folder) folder=$value ;;
  esac
done
each() { signal=$1; shift; for group in "$@"; do kill "-$signal" "-$group"; done; } 2>/dev/null
alive() { for group in $graceful; do kill -0 "-$group" 2>/dev/null && return 0; done; return 1; }
each KILL $disposable
each CONT $graceful
each TERM $graceful
tries=100
while [ "$tries" -gt 0 ] && alive; do sleep 0.1; tries=$((tries - 1)); done
each KILL $graceful
[ -z "$folder" ] || rm -rf -- "$folder"
`;

/** What must be gone when this process is gone. */
export interface Belongings {
  /** Process groups that get SIGTERM, 10 s, SIGKILL. */
  readonly graceful: readonly number[];
  /** Process groups whose data is thrown away: SIGKILL at once. */
  readonly disposable: readonly number[];
}

export interface Watchdog {
  /** Resolves once the kernel holds the news: from then on it outlives this process. */
  update(belongings: Belongings): Promise<void>;
  /** Ends the watchdog, which first does its duty on whatever it was last told of. */
  dismiss(): Promise<void>;
}

/**
 * Starts a shell in a session of its own (so Ctrl-C does not reach it) that cleans up after this process.
 * @param folder removed at the end; must not contain a line break.
 */
export async function startWatchdog(folder: string): Promise<Watchdog> {
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  shell.unref();
  const gone = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  const write = (lines: string): Promise<void> =>
    new Promise((resolve, reject) => {
      shell.stdin.write(lines, (error) => (error ? reject(error) : resolve()));
    });
  await write(`folder ${folder}\n`);
  return {
    update: ({ graceful, disposable }) => write(`graceful ${graceful.join(' ')}\ndisposable ${disposable.join(' ')}\n`),
    async dismiss() {
      shell.ref();
      shell.stdin.end();
      await gone;
    },
  };
}
