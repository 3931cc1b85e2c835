import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { downloadUri, krewManifest } from './krew-manifest.ts';

const sha256 = 'a'.repeat(64);
const archive = (platform: string) => ({ platform, uri: `${downloadUri('1.2.3')}/${platform}.tar.gz`, sha256 });

test('a manifest names version, platforms, archives and their checksums', () => {
  const manifest = parse(krewManifest('1.2.3', [archive('linux-amd64'), archive('windows-amd64')])) as {
    apiVersion: string;
    kind: string;
    metadata: { name: string };
    spec: { version: string; platforms: unknown[] };
  };
  assert.equal(manifest.apiVersion, 'krew.googlecontainertools.github.com/v1alpha2');
  assert.deepEqual([manifest.kind, manifest.metadata.name, manifest.spec.version], ['Plugin', 'isochrone', 'v1.2.3']);
  assert.deepEqual(manifest.spec.platforms, [
    {
      selector: { matchLabels: { os: 'linux', arch: 'amd64' } },
      uri: 'https://isochrone.dev/download/v1.2.3/linux-amd64.tar.gz',
      sha256,
      bin: 'kubectl-isochrone',
    },
    {
      selector: { matchLabels: { os: 'windows', arch: 'amd64' } },
      uri: 'https://isochrone.dev/download/v1.2.3/windows-amd64.tar.gz',
      sha256,
      bin: 'kubectl-isochrone.cmd',
    },
  ]);
});
