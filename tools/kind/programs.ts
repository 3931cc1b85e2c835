import { ToolError } from '../errors.ts';
import type { Run } from './run.ts';

interface Program {
  /** Succeeds where the program can be used. */
  readonly probe: readonly string[];
  readonly instructions: string;
}

const programs = {
  // Asks the daemon.
  docker: {
    probe: ['version', '--format', '{{.Server.Version}}'],
    instructions: 'https://docs.docker.com/engine/install/',
  },
  kind: { probe: ['version'], instructions: 'https://kind.sigs.k8s.io/docs/user/quick-start/#installation' },
  helm: { probe: ['version', '--short'], instructions: 'https://helm.sh/docs/intro/install/' },
  kubectl: { probe: ['version', '--client'], instructions: 'https://kubernetes.io/docs/tasks/tools/' },
} as const satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/**
 * Says of everything that is missing where it comes from, before anything is made.
 * @throws ToolError BinaryUnavailable
 */
export async function assertPrograms(run: Run, names: readonly ProgramName[]): Promise<void> {
  const problems = await Promise.all(names.map((name) => problemOf(run, name)));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new ToolError('BinaryUnavailable', found.join('; '));
}

async function problemOf(run: Run, name: ProgramName): Promise<string | undefined> {
  const { probe, instructions } = programs[name];
  try {
    await run(name, probe);
    return undefined;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
      return `${name} is not on the PATH; install it: ${instructions}`;
    const said = error.message.trim().split('\n').at(-1) ?? '';
    const remedy = name === 'docker' ? 'start its daemon, and see that you may use it' : `see ${instructions}`;
    return `${name} does not work (${said}); ${remedy}`;
  }
}
