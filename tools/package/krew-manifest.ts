import { stringify } from 'yaml';

/** An archive of the plug-in for one platform. */
export interface PluginArchive {
  /** `<os>-<arch>` in the words of Go, as krew has them. */
  readonly platform: string;
  readonly uri: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** Where the project is at home: the group of its API. */
const homepage = 'https://isochrone.dev';

/** Where the archives of a version are served, unless the packager says otherwise. */
export function downloadUri(version: string): string {
  return `${homepage}/download/v${version}`;
}

/**
 * The plug-in's manifest for krew, https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
 * @param version without a leading `v`
 */
export function krewManifest(version: string, archives: readonly PluginArchive[]): string {
  const manifest = {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'isochrone' },
    spec: {
      version: `v${version}`,
      homepage,
      shortDescription: 'Run inference on a federation of GPU clusters',
      description:
        'Runs models on an Isochrone federation of GPU clusters, tells why a job is where it is,\n' +
        'downloads checked results, and manages models, nodes and members.\n',
      caveats:
        'It needs Node.js 24 or newer as "node" on the PATH.\n' +
        'To have kubectl complete its commands, put this on the PATH as kubectl_complete-isochrone, executable:\n' +
        '  kubectl isochrone completion kubectl\n',
      platforms: archives.map(({ platform, uri, sha256 }) => {
        const [os, arch] = platform.split('-') as [string, string];
        return {
          selector: { matchLabels: { os, arch } },
          uri,
          sha256,
          bin: os === 'windows' ? 'kubectl-isochrone.cmd' : 'kubectl-isochrone',
        };
      }),
    },
  };
  // Lines stay as they are.
  return stringify(manifest, { blockQuote: 'literal', lineWidth: 0 });
}
