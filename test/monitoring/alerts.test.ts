import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { ensureDebianPackages } from '@isochrone/tools/debian';
import { parse } from 'yaml';
import { chartRules, root } from './rules.ts';

const noPromtool = await ensureDebianPackages({ packages: ['prometheus'], programs: ['promtool'] });
const rules = chartRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const testFileOf = (alert: string): string => join(import.meta.dirname, 'alerts', `${alert}.yaml`);
const runbookOf = (alert: string): string => join(root, 'docs', 'runbooks', `${alert}.md`);

interface UnitTests {
  readonly rule_files: readonly string[];
  readonly tests: readonly {
    readonly name?: string;
    readonly input_series: readonly unknown[];
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

test('the alerts that operators were promised are there', () => {
  assert.deepEqual(alerts.map(({ alert }) => alert).sort(), [
    'IsochroneCapacityExhausted',
    'IsochroneCertificateExpiring',
    'IsochroneCredentialExpiring',
    'IsochroneEdgeCredentialExpiring',
    'IsochroneEdgeCredentialInvalid',
    'IsochroneEdgeUnreachable',
    'IsochroneEdgeWatchStale',
    'IsochroneEvictionsHeld',
    'IsochroneHubUnreachable',
    'IsochroneJoinRefused',
    'IsochroneLedgerInvariant',
    'IsochroneNodeDistrusted',
    'IsochroneSchedulerRefusing',
    'IsochroneSchedulerUnavailable',
    'IsochroneShardFaultsBurnFast',
    'IsochroneShardFaultsBurnSlow',
    'IsochroneVerificationBacklog',
    'IsochroneWatchStale',
  ]);
});

for (const { alert = '', file, labels = {}, annotations = {} } of alerts) {
  describe(alert, () => {
    test('says what it is, how bad, and where to read on', () => {
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/);
      assert.ok((annotations['summary'] ?? '').length > 10 && (annotations['description'] ?? '').length > 20);
      assert.equal(annotations['runbook'], `docs/runbooks/${alert}.md`);
      const headings = readFileSync(runbookOf(alert), 'utf8').match(/^#+ .*$/gm);
      assert.deepEqual(headings, [`# ${alert}`, '## Meaning', '## Impact', '## Find the cause', '## Mend']);
    });

    test('is tested to fire and to stay silent', () => {
      const { rule_files: files, tests } = parse(readFileSync(testFileOf(alert), 'utf8')) as UnitTests;
      assert.deepEqual(
        files.map((path) => join(import.meta.dirname, 'alerts', path)),
        [file],
      );
      assert.deepEqual(
        tests.map(({ name, alert_rule_test: expected, input_series: series }) => {
          assert.ok(series.length > 0, 'what is silent without any series proves nothing');
          return [name, expected.map(({ alertname, exp_alerts: fired }) => [alertname, fired.length])];
        }),
        [
          ['fires', [[alert, 1]]],
          ['stays silent', [[alert, 0]]],
        ],
      );
    });

    test('does so', { skip: noPromtool ?? false }, () => {
      execFileSync('promtool', ['test', 'rules', testFileOf(alert)], { stdio: 'pipe' });
    });
  });
}

test('no runbook and no unit test is of an alert that is gone', () => {
  const names = new Set(alerts.map(({ alert }) => alert));
  const found = [runbookOf('*'), testFileOf('*')].flatMap((pattern) => globSync(pattern));
  assert.deepEqual(
    found.filter((path) => !names.has(basename(path).replace(/\.\w+$/, ''))),
    [],
  );
});

test('the page about monitoring lists every alert with its severity, and every dashboard', () => {
  const page = readFileSync(join(root, 'docs', 'monitoring.md'), 'utf8');
  const listed = [...page.matchAll(/^\| \[(\w+)\]\(runbooks\/\1\.md\) +\| (\w+) /gm)].map(([, ...row]) => row);
  assert.deepEqual(listed.toSorted(), alerts.map(({ alert, labels }) => [alert, labels?.['severity']]).toSorted());
  for (const file of globSync(join(root, 'charts', 'isochrone', 'files', 'dashboards', '*.json'))) {
    const { title } = JSON.parse(readFileSync(file, 'utf8')) as { title: string };
    assert.match(page, new RegExp(`^\\| ${title.replace('Isochrone / ', '')} +\\| `, 'm'));
  }
});

test('every file that a runbook points to exists', () => {
  for (const path of globSync(runbookOf('*'))) {
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/\]\(([^)]+)\)/g))
      assert.ok(existsSync(join(path, '..', target!)), `${basename(path)}: ${target!}`);
  }
});

test('promtool accepts the rules', { skip: noPromtool ?? false }, () => {
  for (const file of new Set(rules.map((rule) => rule.file))) {
    execFileSync('promtool', ['check', 'rules', '--lint-fatal', file], { stdio: 'pipe' });
  }
});
