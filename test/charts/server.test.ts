import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { kubectl, withControlPlane } from '../harness/index.ts';
import { apply, applyOtherCrds, dryApply, helmIn, surroundings, systemNamespace } from './cluster.ts';
import { podsOf, render, run, type Rendered } from './helm.ts';
import { schemaTemplate, writeSchemas } from './schemas.ts';
import { cases, matrix } from './values.ts';

const plane = await withControlPlane({ crds: false });
await applyOtherCrds(plane);
await apply(plane, systemNamespace('restricted'), ...surroundings);
const folder = await mkdtemp(join(tmpdir(), 'isochrone-schemas-'));
after(() => rm(folder, { recursive: true }));
await writeSchemas(await kubectl(plane.adminKubeconfig, ['get', '--raw', '/openapi/v2']), folder);

const rendered = await Promise.all(
  cases.map(async ({ chart, name, values }) => ({ chart, name, objects: await render(chart, values) })),
);

const conform = (objects: readonly Rendered[]): Promise<string> =>
  run(
    'kubeconform',
    ['-strict', '-summary', '-schema-location', schemaTemplate(folder)],
    objects.map((object) => stringify(object)).join('---\n'),
  );

describe('every object of every chart, with every set of values', () => {
  for (const { chart, name, objects } of rendered) {
    test(`conforms to the schemas of the API server: ${chart}, ${name}`, async () => {
      assert.match(await conform(objects), new RegExp(`Valid: ${objects.length}, Invalid: 0, Errors: 0, Skipped: 0`));
    });

    test(`is accepted by the API server: ${chart}, ${name}`, async () => {
      const said = await dryApply(plane, objects.filter(isNoPod));
      assert.equal(said.trim().split('\n').length, objects.filter(isNoPod).length);
    });
  }

  test('a field that does not exist is found', async () => {
    const [object] = rendered[0]!.objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const wrong = { ...object!, spec: { ...(object!.spec as object), podSelektor: {} } };
    await assert.rejects(conform([wrong]), /podSelektor/);
    await assert.rejects(dryApply(plane, [wrong]), /podSelektor/);
  });
});

/** Pods need their ServiceAccount and PriorityClass: they are judged apart, when the charts are installed. */
function isNoPod({ kind }: Rendered): boolean {
  return kind !== 'Pod';
}

/** What a Pod has that "restricted" forbids, by the set of values that asks for it. */
const beyondRestricted: Readonly<Record<string, RegExp>> = {
  'GPUs by the device plug-in, on the machines': /restricted volume type "hostPath"/,
  'a folder that is there already': /restricted volume type "hostPath"/,
  everything: /unrestricted capabilities .*SYS_ADMIN/,
};

describe('every Pod', () => {
  const pods = (name: string, objects: readonly Rendered[]): Rendered[] =>
    podsOf(objects).map((pod, index) => ({ ...pod, metadata: { ...pod.metadata, name: `judged-${name}-${index}` } }));
  const judged = rendered.map(({ chart, name, objects }, index) => ({
    pods: pods(String(index), objects),
    refusal: chart === 'isochrone-edge' ? beyondRestricted[name] : undefined,
  }));

  test('is admitted to a namespace that enforces "restricted", but for what is asked for beyond it', async () => {
    await helmIn(plane, 'install', 'isochrone', {});
    const edge = { ...matrix['isochrone-edge']['no agents'], crds: { install: false } };
    await helmIn(plane, 'install', 'isochrone-edge', edge);
    await dryApply(
      plane,
      judged.flatMap(({ pods, refusal }) => (refusal === undefined ? pods : [])),
    );
    for (const { pods, refusal } of judged) {
      if (refusal !== undefined) await assert.rejects(dryApply(plane, pods), refusal);
    }
  });

  test('is admitted to a namespace that enforces nothing', async () => {
    await apply(plane, systemNamespace('privileged'));
    await dryApply(
      plane,
      judged.flatMap(({ pods }) => pods),
    );
  });
});
