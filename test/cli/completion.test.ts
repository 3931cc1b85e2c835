import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ensureDebianPackages } from '@isochrone/tools/debian';
import { repository } from './documented-commands.ts';
import { shell } from './shell.ts';

/** What is typed so far, and what may follow; nothing of it is asked from a server. */
const table: [line: string, candidates: string[]][] = [
  ['kubectl-isochrone dr', ['drain']],
  ['kubectl-isochrone top ', ['clusters', 'jobs', 'nodes']],
  ['kubectl-isochrone model a', ['add', 'approve']],
  ['kubectl-isochrone nodes -o ', ['json', 'name', 'wide', 'yaml']],
  ['kubectl-isochrone drain --h', ['--hand-over']],
  ['kubectl-isochrone run --budget ', []],
];
const quoted = (text: string): string => `'${text}'`;

const zsh = await ensureDebianPackages({ packages: ['zsh'], programs: ['zsh'] });
const fish = await ensureDebianPackages({ packages: ['fish'], programs: ['fish'] });

describe('real shells complete the plug-in by the scripts that it prints', () => {
  const bin = mkdtempSync(join(tmpdir(), 'isochrone-completion-'));
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: bin, KUBECONFIG: '/nowhere' };
  const complete = async (script: string): Promise<string[]> => {
    const { status, stdout, stderr } = await shell(script, { env, cwd: bin });
    assert.deepEqual([status, stderr], [0, ''], script);
    return stdout.split('\n').filter((line) => line !== '');
  };

  before(() => {
    const program = join(repository, 'cli', 'kubectl-isochrone.ts');
    writeFileSync(join(bin, 'kubectl-isochrone'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, {
      mode: 0o755,
    });
    writeFileSync(join(bin, 'lines.npy'), '');
  });
  after(() => rmSync(bin, { recursive: true }));

  test('bash', async () => {
    const script = (line: string): string =>
      `source <(kubectl-isochrone completion bash); COMP_LINE=${quoted(line)}; COMP_POINT=\${#COMP_LINE}
       __kubectl_isochrone; printf '%s\\n' "\${COMPREPLY[@]}"`;
    for (const [line, candidates] of table)
      assert.deepEqual((await complete(script(line))).toSorted(), candidates, line);
    const joined = 'kubectl-isochrone nodes --output=j';
    // bash takes a new word after the equals sign.
    assert.deepEqual(await complete(script(joined)), ['json']);
    assert.deepEqual(await complete('source <(kubectl-isochrone completion bash); complete -p kubectl-isochrone'), [
      'complete -F __kubectl_isochrone kubectl-isochrone',
    ]);
  });

  test('zsh', { skip: zsh }, async () => {
    // Its own functions say what they were given; `words` and `CURRENT` are what it sets for a completion.
    const script = (line: string): string => `zsh -f <<'SCRIPT'
      compdef() { : }
      _describe() { print -l -- "\${(@P)2}" }
      _files() { print -l -- *.npy }
      source <(kubectl-isochrone completion zsh)
      words=(${line.split(' ').map(quoted).join(' ')})
      CURRENT=$#words
      _kubectl_isochrone
SCRIPT`;
    for (const [line, candidates] of table) {
      const offered = (await complete(script(line))).map((text) => text.replace(/:.*/, ''));
      assert.deepEqual(offered.toSorted(), candidates, line);
    }
    assert.deepEqual(await complete(script('kubectl-isochrone run -f ')), ['lines.npy']);
    assert.deepEqual(await complete(script('kubectl-isochrone nodes -o j')), ['json']);
    const [described] = await complete(script('kubectl-isochrone dr'));
    assert.equal(described, 'drain:Cordon a node or a member, and wait until its tasks are done and settled.');
  });

  test('zsh finds it by compinit', { skip: zsh }, async () => {
    const script = `zsh -f <<'SCRIPT'
      mkdir -p functions && kubectl-isochrone completion zsh > functions/_kubectl-isochrone
      fpath=($PWD/functions $fpath)
      autoload -Uz compinit && compinit -u -D
      print -- $_comps[kubectl-isochrone]
SCRIPT`;
    assert.deepEqual(await complete(script), ['_kubectl-isochrone']);
  });

  test('fish', { skip: fish }, async () => {
    const script = (line: string): string =>
      `fish --no-config -c 'kubectl-isochrone completion fish | source; complete -C "${line}"'`;
    for (const [line, candidates] of table) {
      const offered = (await complete(script(line))).map((text) => text.replace(/\t.*/, ''));
      assert.deepEqual(offered.toSorted(), candidates, line);
    }
    assert.deepEqual(await complete(script('kubectl-isochrone run -f li')), ['lines.npy']);
  });
});
