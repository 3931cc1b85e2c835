import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceError, type ServiceErrorCode } from './errors.ts';
import { loadOptions, type OptionSources } from './load-options.ts';
import { defineOptions, environmentOf, flagOf, option } from './options.ts';

const table = defineOptions({
  kubeconfig: option.string({ description: 'Where the hub is.', required: true }),
  metricsAddress: option.string({ description: 'x', default: ':8080', pattern: /[^:]*:\d+/ }),
  level: option.string({ description: 'x', choices: ['info', 'debug'], default: 'info' }),
  leaseSeconds: option.integer({ description: 'x', default: 40, minimum: 3, maximum: 3600 }),
  dryRun: option.boolean({ description: 'x' }),
  countries: option.list({ description: 'x', pattern: /[A-Z]{2}/ }),
  note: option.string({ description: 'x' }),
});
const given = { kubeconfig: 'k' };
const file = (text: string): { path: string; text: string } => ({ path: 'c.yaml', text });

test('a flag beats the environment, which beats the file, which beats the default', () => {
  const env = { ISOCHRONE_LEASE_SECONDS: '20' };
  const yaml = file('leaseSeconds: 10');
  const lease = (sources: OptionSources): number => loadOptions(table, sources).leaseSeconds;
  assert.equal(lease({ flags: { ...given, leaseSeconds: '30' }, env, file: yaml }), 30);
  assert.equal(lease({ flags: given, env, file: yaml }), 20);
  assert.equal(lease({ flags: given, env: { ISOCHRONE_LEASE_SECONDS: '' }, file: yaml }), 10);
  assert.equal(lease({ flags: given }), 40);
});

test('every kind of value is read from every source', () => {
  const expected = { dryRun: true, countries: ['DE', 'FR'], leaseSeconds: 5, level: 'debug' };
  const sources: OptionSources[] = [
    { flags: { ...given, dryRun: true, countries: 'DE, FR', leaseSeconds: '5', level: 'debug' } },
    {
      flags: given,
      env: {
        ISOCHRONE_DRY_RUN: 'true',
        ISOCHRONE_COUNTRIES: 'DE,FR',
        ISOCHRONE_LEASE_SECONDS: '5',
        ISOCHRONE_LEVEL: 'debug',
      },
    },
    { flags: given, file: file('dryRun: true\ncountries: [DE, FR]\nleaseSeconds: 5\nlevel: debug') },
  ];
  for (const source of sources) {
    const { dryRun, countries, leaseSeconds, level, note } = loadOptions(table, source);
    assert.deepEqual({ dryRun, countries, leaseSeconds, level }, expected);
    assert.equal(note, undefined);
  }
  const { dryRun, countries } = loadOptions(table, { flags: given });
  assert.deepEqual([dryRun, countries], [false, []]);
});

test('a pattern takes a value whose beginning it takes too', () => {
  const quota = defineOptions({ quota: option.string({ description: 'x', pattern: /\d+(G|Gi)?/ }) });
  assert.equal(loadOptions(quota, { env: { ISOCHRONE_QUOTA: '40Gi' } }).quota, '40Gi');
  assert.throws(() => loadOptions(quota, { env: { ISOCHRONE_QUOTA: '40Gib' } }), /ISOCHRONE_QUOTA is "40Gib"/);
});

const refusals: [string, OptionSources, ServiceErrorCode, RegExp][] = [
  [
    'a missing option, with all three ways to give it',
    {},
    'OPTION_MISSING',
    /--kubeconfig is required.*ISOCHRONE_KUBECONFIG.*"kubeconfig"/,
  ],
  [
    'an unknown flag, with the nearest',
    { flags: { ...given, leaseSecond: '1' } },
    'OPTION_UNKNOWN',
    /--lease-second does not exist; did you mean --lease-seconds\?/,
  ],
  [
    'an unknown flag near nothing, with all',
    { flags: { ...given, zzz: '1' } },
    'OPTION_UNKNOWN',
    /--zzz does not exist; known are: .*--countries/,
  ],
  [
    'an unknown key of the file',
    { flags: given, file: file('lease-seconds: 3') },
    'OPTION_UNKNOWN',
    /c\.yaml: key "lease-seconds".*leaseSeconds/,
  ],
  [
    'a slip in the environment',
    { flags: given, env: { ISOCHRONE_LEASE_SECOND: '3' } },
    'OPTION_UNKNOWN',
    /ISOCHRONE_LEASE_SECOND .*ISOCHRONE_LEASE_SECONDS/,
  ],
  [
    'an integer out of range',
    { flags: given, env: { ISOCHRONE_LEASE_SECONDS: '2' } },
    'OPTION_INVALID',
    /ISOCHRONE_LEASE_SECONDS is "2"; write an integer from 3 to 3600/,
  ],
  [
    'no integer',
    { flags: { ...given, leaseSeconds: '4.5' } },
    'OPTION_INVALID',
    /--lease-seconds is "4.5"; write an integer/,
  ],
  [
    'an integer where a string belongs',
    { flags: given, file: file('note: 5') },
    'OPTION_INVALID',
    /c\.yaml: note is 5; write a string/,
  ],
  [
    'no choice',
    { flags: { ...given, level: 'loud' } },
    'OPTION_INVALID',
    /--level is "loud"; choose one of: info, debug/,
  ],
  [
    'a value that only contains a match',
    { flags: { ...given, metricsAddress: ':80 ' } },
    'OPTION_INVALID',
    /--metrics-address is ":80 "; it must match/,
  ],
  ['one bad item of a list', { flags: { ...given, countries: 'DE,de' } }, 'OPTION_INVALID', /--countries is "DE,de"/],
  ['no boolean', { flags: { ...given, dryRun: 'yes' } }, 'OPTION_INVALID', /--dry-run is "yes"; write true or false/],
  ['a file without a mapping', { flags: given, file: file('[1]') }, 'CONFIG_UNREADABLE', /c\.yaml holds no mapping/],
  ['a file that is not YAML', { flags: given, file: file('a: [') }, 'CONFIG_UNREADABLE', /c\.yaml is not YAML/],
];
for (const [what, sources, code, message] of refusals) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => loadOptions(table, sources),
      (error) =>
        error instanceof ServiceError && error.code === code && error.exitStatus === 2 && message.test(error.message),
    );
  });
}

test('variables that Kubernetes makes for Services, and those of other programs, are let be', () => {
  const env = {
    ISOCHRONE_SCHEDULER_PORT: 'tcp://10.96.0.9:7300',
    ISOCHRONE_SCHEDULER_SERVICE_HOST: '10.96.0.9',
    ISOCHRONE_CACHE: '/c',
  };
  assert.equal(loadOptions(table, { flags: given, env }).kubeconfig, 'k');
});

test('names follow from the key', () => {
  assert.equal(flagOf('metricsAddress'), '--metrics-address');
  assert.equal(environmentOf('metricsAddress'), 'ISOCHRONE_METRICS_ADDRESS');
});
