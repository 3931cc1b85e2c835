import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const repository = join(import.meta.dirname, '..', '..');

/** A command that a document tells its reader to type. */
export interface DocumentedCommand {
  /** Path in the repository. */
  readonly document: string;
  /** Of its first line in the document. */
  readonly line: number;
  readonly command: string;
}

/** What becomes of a documented command in the tests. */
export type Treatment =
  /** It must succeed as it stands, in the federation of federation-commands.test.ts after everything else there. */
  | { readonly run: 'here' }
  /** The named test, a file, runs it, or what it stands for with other names. */
  | { readonly run: 'elsewhere'; readonly test: string }
  /** No test can. */
  | { readonly run: 'nowhere'; readonly because: string };

const here: Treatment = { run: 'here' };
const elsewhere = (test: string): Treatment => ({ run: 'elsewhere', test });
const nowhere = (because: string): Treatment => ({ run: 'nowhere', because });

/**
 * The first row that matches a command decides; a command without a row fails the tests, as does a row without a command.
 * Whoever documents a command adds its row.
 */
export const treatments: readonly (readonly [pattern: RegExp, treatment: Treatment])[] = [
  [/^make demo$/, elsewhere('test/cli/demo-complete.test.ts')],
  [/^make (test|verify)$/, nowhere('it is what runs this test')],
  [/^make bench\b/, nowhere('it measures for minutes; test/bench/main.test.ts loads what it runs')],
  [/^(ISOCHRONE_REQUIRE_GPU=1 )?make test-gpu$/, elsewhere('test/gpu/cpu.test.ts')],
  [/^kubectl get inferencejobs\b/, here],
  [/^kubectl isochrone results job\/requests -o -$/, elsewhere('test/e2e/requests.test.ts')],
  [/^kubectl isochrone (why|results|statement)\b/, here],
  [/^isochrone ledger deposit\b/, here],
  [/^make chaos\b/, elsewhere('test/chaos/chaos.test.ts')],
  [/^node test\/chaos\/main\.ts\b/, elsewhere('test/chaos/chaos.test.ts')],
  [/^make images$/, elsewhere('test/images/images.test.ts')],
  [/^node tools\/images\/main\.ts build\b/, elsewhere('test/images/images.test.ts')],
  [/^docker build\b/, nowhere('no Docker here; buildah builds the same files in test/images')],
  [/^make package$/, elsewhere('test/cli/package.test.ts')],
  [/^kubectl isochrone edge (token|accept|leave|revoke)\b/, elsewhere('test/joining/join.test.ts')],
  [/^kubectl .*get secret isochrone-hub\b/, elsewhere('test/joining/join.test.ts')],
  [/^helm (install|upgrade|uninstall)\b/, elsewhere('test/charts/install.test.ts')],
  [/^helm test\b/, elsewhere('test/cluster/install.test.ts')],
  [/^kubectl (create|label) namespace isochrone-system\b/, elsewhere('test/charts/cluster.ts')],
  [/^kubectl .*create secret generic isochrone-ledger\b/, elsewhere('test/cluster/install.test.ts')],
  // To take a federation apart.
  [/^kubectl delete (inferencejobs|configmaps|namespace)\b/, elsewhere('test/cluster/install.test.ts')],
  [/^kubectl get (crds|edgeclusters)\b.*\| xargs\b/, elsewhere('test/cluster/install.test.ts')],
  [/^kubectl isochrone doctor\b/, elsewhere('test/doctor/doctor.test.ts')],
  [/^isochrone (backup|restore)\b/, elsewhere('test/backup/restore.test.ts')],
  [/^kubectl exec .* isochrone backup\b/, elsewhere('test/cluster/install.test.ts')],
  [/^kubectl .*\bscale deployment isochrone-operator\b/, elsewhere('test/cluster/install.test.ts')],
  [/^kubectl (apply|wait|delete|exec) .*isochrone-books\b/, elsewhere('test/cluster/install.test.ts')],
  [/^make kind$/, nowhere('it needs Docker; the workflow kind.yaml runs it')],
  [/^sudo sysctl\b/, nowhere('it changes the machine')],
  [/^export KUBECONFIG=/, nowhere('it changes the shell of the reader')],
  [/^kubectl get isochrone --all-namespaces$/, here],
];

export function treatmentOf(command: string): Treatment | undefined {
  return treatments.find(([pattern]) => pattern.test(command))?.[1];
}

/** Of README.md and of every page in docs/, in order. */
export function documentedCommands(): DocumentedCommand[] {
  const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: repository }).sort()];
  return documents.flatMap((document) =>
    commandsIn(readFileSync(join(repository, document), 'utf8')).map((found) => ({ document, ...found })),
  );
}

/**
 * The commands in the `console`, `bash`, `sh` and `shell` blocks of a document, also of those in lists. In a block with
 * lines that begin with `$ ` only those are commands, the others what they print. Comments go; a line that ends with a
 * backslash goes on, and so does one with a here-document, to its end.
 */
export function commandsIn(markdown: string): { line: number; command: string }[] {
  const blocks = markdown.matchAll(/^( *)```(?:console|bash|sh|shell)\n(.*?)^\1```/gms);
  return [...blocks].flatMap(({ 1: indent = '', 2: text = '', index }) => {
    const first = markdown.slice(0, index).split('\n').length + 1;
    const lines = text.split('\n').map((line) => line.slice(indent.length));
    const isPrompted = lines.some((line) => line.startsWith('$ '));
    const commands: { line: number; command: string }[] = [];
    for (let at = 0; at < lines.length; at += 1) {
      const line = first + at;
      if (isPrompted && !lines[at]!.startsWith('$ ')) continue;
      let command = isPrompted ? lines[at]!.slice(2) : lines[at]!;
      while (command.endsWith('\\') && at + 1 < lines.length) {
        at += 1;
        command = `${command.slice(0, -1).trimEnd()} ${lines[at]!.trim()}`;
      }
      const end = /<<-?\s*(['"]?)(\w+)\1/.exec(command)?.[2];
      if (end === undefined) command = command.replace(/(^|\s+)#\s.*$/, '').trim();
      while (end !== undefined && at + 1 < lines.length && lines[at] !== end) {
        at += 1;
        command += `\n${lines[at]!}`;
      }
      if (command !== '') commands.push({ line, command });
    }
    return commands;
  });
}
