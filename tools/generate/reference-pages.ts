import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

/** The folder of the pages, which holds nothing else. */
export const referenceFolder = join('docs', 'reference');

/**
 * The pages about command lines, errors and metrics, formatted. They are made in a process of its own, as this package knows nothing of the
 * others.
 */
export async function referencePages(root: string): Promise<Map<string, string>> {
  const program = join(root, 'cli', 'reference', 'main.ts');
  const pages = JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' })) as Record<string, string>;
  const formatted = Object.entries(pages).map(async ([name, text]): Promise<[string, string]> => {
    const path = join(referenceFolder, name);
    const filepath = join(root, path);
    return [path, await format(text, { ...(await resolveConfig(filepath)), filepath })];
  });
  return new Map(await Promise.all(formatted));
}
