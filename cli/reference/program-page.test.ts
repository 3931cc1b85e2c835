import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, Option } from 'commander';
import { exitStatus } from '../exit-status.ts';
import { kubectlProgram } from '../kubectl/program.ts';
import { programPage } from './program-page.ts';

function program(): Command {
  const outer = new Command('kubectl-tool').description('A tool.').option('--context <name>', 'which [server]');
  const group = outer.command('group').description('Two commands.');
  group
    .command('one')
    .alias('uno')
    .description('The first.')
    .argument('<thing>', 'a|b')
    .addOption(new Option('--secret', 'is not shown').hideHelp())
    .requiredOption('--uri <uri>', 'where', 's3://b/k');
  outer.command('two').description('The second.');
  return outer;
}

test('a page has every command that does something, with arguments and flags', () => {
  const page = programPage(program(), { typed: 'kubectl tool' });
  assert.match(page, /\| `--context <name>` \| which \\\[server\\\] \|/);
  assert.deepEqual(
    [...page.matchAll(/^## (.*)$/gm)].map(([, title]) => title),
    ['Exit status', 'kubectl tool group one', 'kubectl tool two'],
  );
  assert.match(page, /```text\nkubectl tool group one \[options\] <thing>\n```\n\nAlso: `kubectl tool group uno`\./);
  assert.match(page, /\| `<thing>` \| a\\\|b \|/);
  assert.match(page, /\| `--uri <uri>` \| where \(default: "s3:\/\/b\/k"\) \(required\) \|/);
  assert.doesNotMatch(page, /is not shown/);
});

test('a command whose flags are known later has those of the command that was loaded', () => {
  const loaded = new Command('tool two').description('The second, loaded.').option('--late', 'is there');
  const page = programPage(program(), { typed: 'tool', loaded: new Map([['two', loaded]]) });
  assert.match(page, /## tool two\n\nThe second, loaded\.\n[^]*\| `--late` \| is there \|/);
});

test('the plug-in has a page of all its verbs, and every exit status', () => {
  const page = programPage(kubectlProgram(), { typed: 'kubectl isochrone' });
  for (const command of kubectlProgram().commands)
    assert.ok(page.includes(`## kubectl isochrone ${command.name()}`), command.name());
  for (const status of Object.values(exitStatus)) assert.match(page, new RegExp(`^\\| ${status} \\| `, 'm'));
});
