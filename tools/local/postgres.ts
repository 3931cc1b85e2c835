import { appendFile, chown, glob, mkdir } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensureDebianPackages, type Lacking } from '../debian.ts';
import { ToolError } from '../errors.ts';
import { eventually } from './eventually.ts';
import { ProcessSupervisor, type SupervisedProcess } from './process-supervisor.ts';
import { childrenOf, isDead } from './processes.ts';
import { freePort } from './sockets.ts';

const run = promisify(execFile);

/** An unprivileged user: PostgreSQL refuses to run as root. Any will do that owns nothing; this one is on every machine. */
const NOBODY = 65534;
const part = { packages: ['postgresql-15'], programs: ['/usr/lib/postgresql/15/bin/postgres', 'setpriv'] };

export interface Postgres extends AsyncDisposable {
  /** `postgresql://…` of its superuser. */
  readonly url: string;
  /** Another, empty database on the server. */
  createDatabase(name: string): Promise<string>;
  /** Kills every process of the server at once, as a power cut would; the data stays. */
  kill9(): Promise<void>;
  /** After `kill9`: at the same address, with what was committed. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The reason why there can be no PostgreSQL here; undefined when there can. */
export async function postgresLacking(): Promise<Lacking> {
  return ensureDebianPackages(part);
}

/**
 * A real PostgreSQL server with durable commits.
 * @param host address of this machine that it serves everybody on who reaches it, without a password. Default: loopback
 * @throws ToolError BinaryUnavailable, ProcessExited, NotInTime
 */
export async function startPostgres({
  signal,
  host = '127.0.0.1',
}: { readonly signal?: AbortSignal; readonly host?: string } = {}): Promise<Postgres> {
  const lacking = await postgresLacking();
  if (lacking !== undefined) throw new ToolError('BinaryUnavailable', `postgres: ${lacking}`);
  const binaries = await newestBinaries();
  const supervisor = await ProcessSupervisor.create({ name: 'postgres', ...(signal && { signal }) });
  const data = join(supervisor.directory, 'data');
  const isRoot = process.getuid?.() === 0;
  /** Without root's rights. */
  const humbly = (command: string, args: string[]): { command: string; args: string[] } =>
    isRoot
      ? { command: 'setpriv', args: [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', command, ...args] }
      : { command, args };
  try {
    await mkdir(data, { mode: 0o700 });
    if (isRoot) {
      await chown(data, NOBODY, NOBODY);
      // The folder above it is root's own; it only has to be passed through.
      await run('chmod', ['o+x', supervisor.directory]);
    }
    const initdb = humbly(join(binaries, 'initdb'), [
      ...[
        '-D',
        data,
        '-U',
        'isochrone',
        '--auth=trust',
        '--encoding=UTF8',
        '--locale=C',
        '--no-instructions',
        '--no-sync',
      ],
    ]);
    await run(initdb.command, initdb.args, { cwd: '/' });
    // Initially only loopback is trusted; whoever is let in further is decided by `host`.
    await appendFile(join(data, 'pg_hba.conf'), 'host all all samenet trust\n');
    const port = await freePort();
    const url = `postgresql://isochrone@${host}:${port}/postgres`;
    const settings = { listen_addresses: host, port: String(port), unix_socket_directories: data };
    let leader: SupervisedProcess;
    const start = async (): Promise<void> => {
      leader = await supervisor.start({
        name: 'postgres',
        cwd: '/',
        ...humbly(join(binaries, 'postgres'), [
          '-D',
          data,
          ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
        ]),
        ready: async () => isReady(binaries, host, port),
      });
    };
    await start();
    let databases = 0;
    return {
      url,
      async createDatabase(name) {
        const database = `${name}_${++databases}`;
        await run(join(binaries, 'psql'), [url, '-qc', `CREATE DATABASE ${database}`]);
        return url.replace(/postgres$/, database);
      },
      async kill9() {
        // Each of its children is of a group of its own, and sees only when it next waits that its parent is gone; until then a
        // new server is refused for the memory that they share. It is stopped first, so that it makes no more of them.
        supervisor.signal('postgres', 'SIGSTOP');
        const children = childrenOf(leader.pid);
        for (const pid of children) process.kill(pid, 'SIGKILL');
        await supervisor.kill9('postgres');
        await eventually(() => children.every(isDead), { describe: 'every process of the server is gone' });
      },
      start,
      stop: () => supervisor.stopAll(),
      [Symbol.asyncDispose]: () => supervisor.stopAll(),
    };
  } catch (error) {
    await supervisor.stopAll();
    throw error;
  }
}

async function newestBinaries(): Promise<string> {
  const found: string[] = [];
  for await (const path of glob('/usr/lib/postgresql/*/bin/postgres')) found.push(path);
  const newest = found.sort((a, b) => versionOf(b) - versionOf(a))[0];
  if (newest === undefined) throw new ToolError('BinaryUnavailable', 'postgres is not in /usr/lib/postgresql');
  return join(newest, '..');
}

function versionOf(path: string): number {
  return Number(path.split('/')[4]);
}

async function isReady(binaries: string, host: string, port: number): Promise<boolean> {
  return run(join(binaries, 'pg_isready'), ['-q', '-h', host, '-p', String(port)]).then(
    () => true,
    () => false,
  );
}
