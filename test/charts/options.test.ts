import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environmentOf, loadOptions } from '@isochrone/service';
import { services } from '../../cli/services.ts';
import { podsOf, render } from './helm.ts';
import { cases } from './values.ts';

interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly mountPath: string }[];
}

/** What the API server or a Secret puts in the place of a reference. */
const referenced: Readonly<Record<string, string>> = {
  ISOCHRONE_LEDGER: 'postgresql://isochrone@db.example.com/isochrone',
  ISOCHRONE_NODE_NAME: 'isochrone-agent-cpu-0',
};

for (const { chart, name, values } of cases) {
  describe(`${chart}, ${name}`, async () => {
    const pods = podsOf(await render(chart, values)).filter(({ metadata }) => !metadata.name?.endsWith('-test'));
    for (const { metadata, spec } of pods) {
      const { initContainers = [], containers } = spec as { initContainers?: Container[]; containers: Container[] };
      // A command of its own replaces the image's entry point: then it is none of the programs.
      for (const container of [...initContainers, ...containers].filter(({ command }) => command === undefined)) {
        test(`${metadata.name} starts ${container.name} with options that it has`, () => checkContainer(container));
      }
    }
  });
}

async function checkContainer({ name, args, env = [], ports = [], volumeMounts = [] }: Container): Promise<void> {
  assert.deepEqual(args, [name]);
  const { options } = await services[name]!.load();
  const given = env.filter((variable) => variable.name.startsWith('ISOCHRONE_'));
  const known = Object.keys(options).map(environmentOf);
  for (const variable of given)
    assert.ok(known.includes(variable.name), `${variable.name}: ${name} has no such option`);
  const environment = Object.fromEntries(given.map((each) => [each.name, each.value ?? referenced[each.name]]));
  // Also that each value is one that the program takes, and that none is missing.
  const loaded = loadOptions(options, { env: environment }) as Record<string, string | undefined>;
  const metrics = ports.find((port) => port.name === 'metrics' || port.name === name)!;
  assert.equal(loaded['metricsAddress'], `:${metrics.containerPort}`);
  const paths = Object.entries(loaded).filter(([key]) => /(Directory|File|Socket)$/.test(key));
  for (const [key, path] of paths) {
    if (path === undefined) continue;
    const isMounted = volumeMounts.some(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`));
    assert.ok(isMounted, `${key} is ${path}, where nothing is mounted`);
  }
}
