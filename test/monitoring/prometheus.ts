import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { freePort, ProcessSupervisor } from '@isochrone/tools/local';

export interface ScrapeTarget {
  /** As a ServiceMonitor names it: the program. */
  readonly job: string;
  readonly instance: string;
  /** Host and port. */
  readonly address: string;
}

export interface Prometheus {
  /** @returns the newest value of each series, or of a scalar; NaN and infinities included */
  query(expr: string): Promise<number[]>;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly resultType: string; readonly result: unknown };
}

/** The distribution's Prometheus over the targets, stopped after the tests of the file. It evaluates the rule files. */
export async function withPrometheus(
  targets: readonly ScrapeTarget[],
  ruleFiles: readonly string[],
): Promise<Prometheus> {
  const supervisor = await ProcessSupervisor.create({ name: 'prometheus' });
  after(() => supervisor.stopAll());
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(supervisor.directory, 'prometheus.yml');
  const jobs = Map.groupBy(targets, ({ job }) => job);
  const scrapeConfigs = [...jobs].map(([job, members]) => ({
    job_name: job,
    static_configs: members.map(({ instance, address: target }) => ({ targets: [target], labels: { instance } })),
  }));
  // YAML holds JSON.
  await writeFile(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: scrapeConfigs,
    }),
  );
  await supervisor.start({
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(supervisor.directory, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    ready: async () => (await fetch(`http://${address}/-/ready`)).ok,
    disposable: true,
  });
  return {
    async query(expr) {
      const body = new URLSearchParams({ query: expr });
      const response = await fetch(`http://${address}/api/v1/query`, { method: 'POST', body });
      const { status, error, data } = (await response.json()) as Answer;
      if (status !== 'success' || data === undefined) throw new Error(`${expr}: ${error ?? status}`);
      if (data.resultType === 'scalar') return [Number((data.result as [number, string])[1])];
      return (data.result as { readonly value: [number, string] }[]).map(({ value }) => Number(value[1]));
    },
  };
}
