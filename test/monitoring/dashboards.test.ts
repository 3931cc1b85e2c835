import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isConditionTrue, findCondition } from '@isochrone/kube';
import { ensureDebianPackages } from '@isochrone/tools/debian';
import { inputNpy, linearModel } from '../e2e/models.ts';
import { eventually } from '../harness/index.ts';
import { member } from '../harness/members.ts';
import { withFederation, type TestFederation } from '../harness/test-federation.ts';
import { withPrometheus, type Prometheus, type ScrapeTarget } from './prometheus.ts';
import { chartRules, dashboardQueries, metricsOf, root, type PanelQuery } from './rules.ts';

const lacking = await ensureDebianPackages({ packages: ['prometheus'], programs: ['prometheus', 'promtool'] });

const reference = readFileSync(join(root, 'docs', 'reference', 'metrics.md'), 'utf8');

/** What Grafana puts in, for a reader who looks at all members over the time of this test. */
const variables = { $__rate_interval: '15m', $__range: '15m', $cluster: '.*' };

function resolved(expr: string): string {
  return Object.entries(variables).reduce((text, [name, value]) => text.replaceAll(name, value), expr);
}

async function targetsOf({ federation: { programs } }: TestFederation): Promise<ScrapeTarget[]> {
  return Promise.all(
    programs.names.map(async (instance) => ({
      job: `isochrone-${instance.split('-')[0]!}`,
      instance,
      address: new URL((await programs.address(instance))!).host,
    })),
  );
}

describe('a running federation', { skip: lacking ?? false }, async () => {
  if (lacking !== undefined) return;
  const world = await withFederation({
    members: [member('hub', '0.30'), member('alpha', '0.20'), member('beta', '0.24')],
  });
  const targets = await targetsOf(world);
  const prometheus = await withPrometheus(targets, [...new Set(chartRules().map(({ file }) => file))]);
  await eventually(async () => (await prometheus.query('up == 1')).length === targets.length, {
    timeout: 60_000,
    describe: 'every program is scraped',
  });
  await provoke(world, prometheus);

  for (const [dashboard, queries] of Map.groupBy(dashboardQueries(), (query) => query.dashboard)) {
    test(`has data for every query of the dashboard ${dashboard}`, { timeout: 120_000 }, async () => {
      const complete = async (): Promise<true> => {
        assert.deepEqual(await withoutData(prometheus, queries), []);
        return true;
      };
      await eventually(complete, { timeout: 60_000, interval: 1000, describe: `every query of ${dashboard} has data` });
    });
  }

  test('is about to fire no alert', async () => {
    // Also those that only wait for their time: that the rules match a federation that is well would show here.
    assert.deepEqual(await prometheus.query('ALERTS'), []);
    const evaluated = await prometheus.query('isochrone:shard_faults:ratio_rate5m');
    assert.ok(evaluated.length > 0, 'the rules are evaluated');
  });

  test('tells of every metric that rules and dashboards name', async () => {
    const named = [...dashboardQueries(), ...chartRules()].flatMap(({ expr }) => [...metricsOf(expr)]);
    assert.ok(named.length > 100, 'expressions name metrics');
    const absent: string[] = [];
    for (const name of new Set(named)) if ((await prometheus.query(name)).length === 0) absent.push(name);
    assert.deepEqual(absent, []);
  });

  for (const { instance, address } of targets) {
    test(`${instance} tells it as Prometheus wants it, and of no node`, async () => {
      const text = await (await fetch(`http://${address}/metrics`)).text();
      const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      for (const [, name] of text.matchAll(/^# TYPE (\S+) /gm)) assert.ok(reference.includes(`| \`${name!}\` `), name);
      assert.doesNotMatch(text, /="(hub|alpha|beta)(-|\/\w+-)1"/, 'a label names a node');
      const histograms = [...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map(([, name]) => name!);
      const observed = histograms.filter((name) => text.includes(`\n${name}_count`));
      assert.deepEqual(
        observed.filter((name) => !text.includes(`\n${name}_bucket{le="+Inf"`)),
        [],
        'every histogram is a classic one',
      );
    });
  }
});

/** Lets happen what panels tell of: work twice, so that it rises while it is scraped; what cannot be placed; what is late. */
async function provoke(world: TestFederation, prometheus: Prometheus): Promise<void> {
  await world.put('input.npy', inputNpy(64));
  await world.deposit('10.00');
  await world.createModel('linear', linearModel());
  await world.createModel('slow', linearModel({ turns: 60_000 }), { maxBatchSize: 1 });
  await world.createJob('abroad', { placement: { allowedCountries: ['NZ'] } });
  for (const name of ['first', 'second']) {
    await world.createJob(name, { verification: { mode: 'Full' } });
    await world.completed(name);
    await eventually(async () => (await prometheus.query('sum(isochrone_job_duration_seconds_count)'))[0]! > 0, {
      timeout: 30_000,
      describe: `job ${name} is scraped`,
    });
  }
  await world.createJob('late', { modelRef: { name: 'slow' }, activeDeadlineSeconds: 5 });
  await world.eventuallyJob('late', ({ status }) => isConditionTrue(status?.conditions, 'Failed'));
  await world.eventuallyJob(
    'abroad',
    ({ status }) => findCondition(status?.conditions, 'Placed')?.reason === 'NoNodeFits',
  );
}

/** Queries that give nothing, or nothing that is a number. */
async function withoutData(prometheus: Prometheus, queries: readonly PanelQuery[]): Promise<string[]> {
  const empty: string[] = [];
  for (const { panel, expr } of queries) {
    const values = await prometheus.query(resolved(expr));
    if (!values.some((value) => !Number.isNaN(value))) empty.push(`${panel}: ${expr}`);
  }
  return empty;
}
