import { readFile, rm, writeFile } from 'node:fs/promises';

/** Debian asks this program whether a daemon may start; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';

/** For the environment of an installation: its packages shall not start their daemons. */
export const NO_DAEMONS = { ISOCHRONE_NO_DAEMONS: '1' } as const;

/** Forbids nothing but to who asked for it: left behind by a kill, it blocks no daemon of the machine. */
const script = `#!/bin/sh
# Written by Isochrone (tools/daemon-policy.ts) while its tests install packages. May be deleted.
[ -z "$ISOCHRONE_NO_DAEMONS" ] || exit 101
`;

/**
 * Runs an installation whose environment has {@link NO_DAEMONS}, with a policy that heeds it. Another's policy stands; one
 * that a killed run left is removed in the end.
 */
export async function withoutDaemons<T>(install: () => Promise<T>, policy = POLICY): Promise<T> {
  const found = await readFile(policy, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  });
  if (found !== undefined && found !== script) return install();
  try {
    await writeFile(policy, script, { mode: 0o755 });
    return await install();
  } finally {
    await rm(policy, { force: true });
  }
}
