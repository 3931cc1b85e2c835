/**
 * Prints the software bill of materials of an image, CycloneDX 1.5: what npm installed, what Debian brings, and Node.js.
 * Runs while an image is built, and so by itself: it imports nothing of the repository. The same software gives the same
 * bytes, or images could not be built reproducibly.
 *
 * Usage: node software-list.ts IMAGE NPM_SBOM DEBIAN_TSV
 *        node software-list.ts add SBOM REQUIREMENTS   what pip installed on top
 */
import { readFileSync } from 'node:fs';

export interface Component {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** The part of npm's document that is kept. */
export interface NpmSbom {
  readonly specVersion: string;
  readonly components: readonly Component[];
}

/**
 * @param debian lines of package, version and architecture, as dpkg-query prints them
 * @param node version of Node.js
 */
export function softwareList(image: string, npm: NpmSbom, debian: string, node: string): object {
  const system = debian
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => debianComponent(line));
  return {
    bomFormat: 'CycloneDX',
    specVersion: npm.specVersion,
    version: 1,
    metadata: { component: { type: 'container', name: `isochrone/${image}` } },
    components: [
      ...npm.components,
      { type: 'application', name: 'node', version: node, purl: `pkg:generic/node@${node}` },
    ]
      .concat(system)
      .toSorted((a, b) => (a.purl < b.purl ? -1 : 1)),
  };
}

function debianComponent(line: string): Component {
  const [name, version, architecture] = line.split('\t');
  if (name === undefined || version === undefined || architecture === undefined) {
    throw new RangeError(`line ${JSON.stringify(line)} of the Debian packages is not PACKAGE, VERSION, ARCHITECTURE`);
  }
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}&distro=debian-12`;
  return { type: 'library', name, version, purl };
}

/** @param requirements lines of NAME==VERSION, as pip reads them */
export function withPythonPackages<T extends { readonly components: readonly Component[] }>(
  list: T,
  requirements: string,
): T {
  const added = [...requirements.matchAll(/^([\w.-]+)==(\S+)/gm)].map(([, name, version]): Component => {
    return { type: 'library', name: name!, version: version!, purl: `pkg:pypi/${name!}@${version!}` };
  });
  return { ...list, components: [...list.components, ...added] };
}

if (import.meta.main) {
  const [image, first, second] = process.argv.slice(2);
  const [json, text] = [JSON.parse(readFileSync(first!, 'utf8')) as unknown, readFileSync(second!, 'utf8')];
  const document =
    image === 'add'
      ? withPythonPackages(json as NpmSbom, text)
      : softwareList(image!, json as NpmSbom, text, process.versions.node);
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
}
