import assert from 'node:assert/strict';
import { test } from 'node:test';
import { softwareList, withPythonPackages } from './software-list.ts';

const npm = {
  specVersion: '1.5',
  serialNumber: 'urn:uuid:changes',
  components: [{ type: 'library', name: 'pino', version: '10.4.0', purl: 'pkg:npm/pino@10.4.0' }],
};

test('lists what npm, Debian and Node.js bring, in an order of its own, and nothing that changes by itself', () => {
  const list = softwareList('node-agent', npm, 'tar\t1.34+dfsg-1.2\tamd64\n', '24.0.0');
  assert.deepEqual(list, {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { type: 'container', name: 'isochrone/node-agent' } },
    components: [
      {
        type: 'library',
        name: 'tar',
        version: '1.34+dfsg-1.2',
        purl: 'pkg:deb/debian/tar@1.34%2Bdfsg-1.2?arch=amd64&distro=debian-12',
      },
      { type: 'application', name: 'node', version: '24.0.0', purl: 'pkg:generic/node@24.0.0' },
      ...npm.components,
    ],
  });
});

test('refuses a line that is not of dpkg-query', () => {
  assert.throws(() => softwareList('x', npm, 'tar 1.34\n', '24.0.0'), /"tar 1.34" .* is not PACKAGE, VERSION, ARCH/);
});

test('adds what pip installed on top', () => {
  const { components } = withPythonPackages(npm, '# CUDA\nnvidia-cublas==13.1.0.3\n');
  assert.deepEqual(components.at(-1), {
    type: 'library',
    name: 'nvidia-cublas',
    version: '13.1.0.3',
    purl: 'pkg:pypi/nvidia-cublas@13.1.0.3',
  });
});
