import { CliError } from './errors.ts';

/** Where a command is that images and packages leave out. */
const homes: Readonly<Record<string, string>> = {
  agent: 'the image isochrone/node-agent has it',
  verifier: 'the image isochrone/node-agent has it',
  demo: 'run `make demo` in a checkout of the repository',
};

/**
 * Loads the code of a command. An image or a package has only what it is for.
 * @throws CliError NOT_INSTALLED
 */
export async function installed<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const home = homes[name] ?? 'the image isochrone/control-plane has it';
    const reason = (error as Error).message;
    throw new CliError('NOT_INSTALLED', `isochrone ${name} is not part of this installation; ${home} (${reason})`, {
      cause: error,
    });
  }
}
