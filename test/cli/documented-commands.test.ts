import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandsIn, documentedCommands, repository, treatmentOf, treatments } from './documented-commands.ts';

test('commands are found in blocks, without comments and outputs', () => {
  const markdown = [
    '```console\nmake demo     # about a minute\n# nothing\n\nkubectl get pods \\\n  -A\necho a#b\n```',
    '```yaml\nkind: Job\n```',
    '1. Do this:\n\n   ```sh\n   echo in a list\n   ```',
    '```bash\n$ echo one\none\n$ echo two\n```',
    "```sh\nkubectl apply -f - <<'EOF'\nkind: A # kept\nEOF\necho after\n```",
    '```text\nisochrone operator [options]\n```',
  ].join('\n\n');
  assert.deepEqual(
    commandsIn(markdown).map(({ line, command }) => [line, command]),
    [
      [2, 'make demo'],
      [5, 'kubectl get pods -A'],
      [7, 'echo a#b'],
      [17, 'echo in a list'],
      [21, 'echo one'],
      [23, 'echo two'],
      [27, "kubectl apply -f - <<'EOF'\nkind: A # kept\nEOF"],
      [30, 'echo after'],
    ],
  );
});

const documented = documentedCommands();

test('every documented command is treated', () => {
  const untreated = documented
    .filter(({ command }) => treatmentOf(command) === undefined)
    .map(({ document, line, command }) => `${document}:${line}: ${command}`);
  assert.deepEqual(untreated, [], 'add a row for each to `treatments` in test/cli/documented-commands.ts');
});

test('every row treats a command, and every test that it names is there', () => {
  const winners = new Set(documented.map(({ command }) => treatments.find(([pattern]) => pattern.test(command))?.[0]));
  for (const [pattern, treatment] of treatments) {
    assert.ok(winners.has(pattern), `no document has a command for ${String(pattern)} any more; remove its row`);
    if (treatment.run === 'elsewhere') assert.ok(existsSync(join(repository, treatment.test)), treatment.test);
    if (treatment.run === 'nowhere') assert.ok(treatment.because.length > 10, String(pattern));
  }
});
