import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chartFolder, helm, otherApis, render, run, type Chart, type Values } from './helm.ts';
import { cases } from './values.ts';

describe('helm lint --strict', () => {
  for (const { chart, name, values } of cases) {
    test(`${chart}, ${name}`, async () => {
      assert.match(
        await helm(['lint', '--strict', chartFolder(chart)], withoutOtherKinds(values)),
        /0 chart\(s\) failed/,
      );
    });
  }
});

/** `helm lint` cannot be told what a cluster has (no --api-versions), and the charts refuse kinds that it lacks. */
function withoutOtherKinds(values: Values): Values {
  const { metrics, tls, ...rest } = values as { metrics?: object; tls?: { provider?: string } };
  const without = { serviceMonitor: { enabled: false }, prometheusRule: { enabled: false } };
  return {
    ...rest,
    ...(metrics && { metrics: { ...metrics, ...without } }),
    ...(tls && { tls: { ...tls, provider: 'BuiltIn' } }),
  };
}

describe('helm-unittest', () => {
  for (const chart of ['isochrone', 'isochrone-edge'] as const) {
    test(chart, async () => {
      assert.match(
        await run('untt', ['--strict', chartFolder(chart)]),
        /Charts: +1 passed, 1 total\nTest Suites: +2 passed/,
      );
    });
  }
});

const member = { cluster: 'alpha', token: 'x' };
const l4 = { name: 'l4', gpus: 1, price: '0.2' };

const refusals: [Chart, string, Values, RegExp][] = [
  ['isochrone', 'a typo', { operator: { replica: 2 } }, /operator.*replica/s],
  ['isochrone', 'a typo at the top', { opertor: {} }, /opertor/],
  ['isochrone', 'a wrong type', { scheduler: { seed: 'one' } }, /scheduler\/seed.*got string, want integer/],
  ['isochrone', 'a choice that there is not', { ledger: { type: 'MySQL' } }, /ledger\/type.*'SQLite', 'PostgreSQL'/],
  ['isochrone', 'a size without a number', { ledger: { sqlite: { size: 'big' } } }, /ledger\/sqlite\/size.*'big'/],
  [
    'isochrone',
    'two operators on a file',
    { operator: { replicas: 2 } },
    /operator\/replicas.*(maximum|value must be)/s,
  ],
  ['isochrone', 'an address that is none', { operator: { edgeServer: 'hub.example.com' } }, /operator\/edgeServer/],
  [
    'isochrone',
    'PostgreSQL without a Secret',
    { ledger: { type: 'PostgreSQL' } },
    /ledger\.postgresql\.existingSecret is empty; make a Secret/,
  ],
  ['isochrone-edge', 'no name', { token: 'x' }, /cluster is empty; set it to the name of this member's EdgeCluster/],
  ['isochrone-edge', 'no token', { cluster: 'alpha' }, /token is empty .*kubectl isochrone edge token create alpha/],
  [
    'isochrone-edge',
    'two tokens',
    { ...member, existingTokenSecret: 's' },
    /both token and existingTokenSecret are set/,
  ],
  ['isochrone-edge', 'a typo', { ...member, nodeClass: [] }, /nodeClass/],
  ['isochrone-edge', 'a typo in a class', { ...member, nodeClasses: [{ ...l4, gpu: 1 }] }, /nodeClasses\/0.*gpu/s],
  [
    'isochrone-edge',
    'a class without a count',
    { ...member, nodeClasses: [{ name: 'a', price: '1' }] },
    /nodeClasses\/0.*gpus/s,
  ],
  ['isochrone-edge', 'a class twice', { ...member, nodeClasses: [l4, l4] }, /the name l4 twice/],
  [
    'isochrone-edge',
    'a class as another kind',
    { ...member, cpu: { enabled: true, price: '1' }, nodeClasses: [{ ...l4, name: 'cpu' }] },
    /the name cpu twice/,
  ],
  ['isochrone-edge', 'no price', { ...member, cpu: { enabled: true } }, /cpu: price is empty/],
  [
    'isochrone-edge',
    'GPUs without a state',
    { ...member, nodeClasses: [l4], state: { type: 'EmptyDir' } },
    /nodeClasses l4: state\.type is EmptyDir/,
  ],
];

describe('helm refuses, with the value and the remedy', () => {
  for (const [chart, name, values, expected] of refusals) {
    test(`${chart}: ${name}`, () => assert.rejects(render(chart, values), expected));
  }

  test('an older Kubernetes', async () => {
    for (const [chart, values] of [
      ['isochrone', {}],
      ['isochrone-edge', member],
    ] as const)
      await assert.rejects(
        render(chart, values, ['--kube-version', '1.33.9']),
        /kubeVersion: >=1\.34\.0-0 .*incompatible/,
      );
  });

  test('another namespace', () =>
    assert.rejects(
      render('isochrone', {}, ['--namespace', 'elsewhere']),
      /namespace is "elsewhere".*--namespace isochrone-system/,
    ));

  test('kinds that the cluster lacks', async () => {
    const on = (kind: string): Values => ({ ...member, metrics: { [kind]: { enabled: true } } });
    const hub = ({ metrics }: Values): Values => ({ metrics });
    for (const kind of ['serviceMonitor', 'prometheusRule']) {
      const expected = new RegExp(`metrics\\.${kind}\\.enabled is true, but .* install the Prometheus Operator`);
      await assert.rejects(render('isochrone-edge', on(kind), []), expected);
      await assert.rejects(render('isochrone', hub(on(kind)), []), expected);
    }
    const certManager = render('isochrone', { tls: { provider: 'CertManager' } }, otherApis.slice(0, 4));
    await assert.rejects(certManager, /tls\.provider is CertManager, but .* install cert-manager first/);
  });
});
