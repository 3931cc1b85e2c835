// @ts-check
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Dependencies point one way. Each package names what it may import; everything else is refused, so that the programs
 * (operator, scheduler, node-agent) meet only in CRDs and protos.
 */
const mayImport = {
  api: [],
  service: [],
  tensor: [],
  latency: [],
  ledger: [],
  verification: ['tensor'],
  kube: [],
  operator: ['api', 'kube', 'service', 'tensor', 'latency', 'verification', 'ledger'],
  scheduler: ['api', 'kube', 'service', 'latency'],
  'node-agent': ['api', 'kube', 'service', 'tensor', 'verification'],
  tools: ['api'],
  cli: [
    'api',
    'kube',
    'service',
    'tensor',
    'latency',
    'verification',
    'ledger',
    'operator',
    'scheduler',
    'node-agent',
    'tools',
  ],
};

const packages = [...Object.keys(mayImport), 'test'];

const directionRules = Object.entries(mayImport).map(([name, allowed]) => ({
  files: [`${name}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          ...packages
            .filter((other) => other !== name && !allowed.includes(other))
            .map((other) => ({
              group: [`@isochrone/${other}`, `@isochrone/${other}/*`],
              message: `${name} must not depend on ${other} (docs/architecture.md, "Dependencies").`,
            })),
          {
            regex: `^(\\.\\./)+(${packages.filter((other) => other !== name).join('|')})/`,
            message: 'Import other packages by name.',
          },
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['**/node_modules/**', 'api/generated/**'] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: 'error',
      'no-empty': ['error', { allowEmptyCatch: false }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unified-signatures': 'off',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Narrow exports: name what leaves the package.' },
      ],
    },
  },
  {
    // node:test's `test` and `describe` return promises that the runner awaits.
    files: ['**/*.test.ts', '**/testing/describe-*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
  ...directionRules,
);
