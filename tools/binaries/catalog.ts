import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Programs of Kubernetes itself: one version, one go.mod, one flag set. Minutes on two cores, each from where the last left off. */
const kubernetesPrograms = {
  'kube-apiserver': 4,
  'kube-controller-manager': 2,
  kubectl: 1,
  'kube-scheduler': 1,
  kubelet: 1,
  'kube-proxy': 1,
} as const;

export type BinaryName =
  | keyof typeof kubernetesPrograms
  | 'actionlint'
  | 'coredns'
  | 'etcd'
  | 'helm'
  | 'krew'
  | 'kubeconform'
  | 'untt'
  | 'versitygw';

/** Where the project publishes a program, and the file that lists its SHA-256. */
export interface Release {
  readonly url: string;
  readonly checksums: string;
  /** The program's name in the archive, where it is another. */
  readonly member?: string;
}

export interface Binary {
  readonly name: BinaryName;
  /** Pinned in `go.mod`, with its "v". */
  readonly version: string;
  /** Folder of the cache; programs of one project share it. */
  readonly folder: string;
  /** The oldest [major, minor] that is taken from the machine; nothing is asked of a program without it. */
  readonly minimum: readonly [number, number] | undefined;
  readonly versionArguments: readonly string[];
  readonly release: Release;
  /** The folder of its go.mod, and the package in it. */
  readonly goModule: string;
  readonly goPackage: string;
  /** `-X` settings of the linker. Kubernetes' clients and charts refuse a server that states no version. */
  readonly stamps: Readonly<Record<string, string>>;
  /** Minutes from nothing on two cores. */
  readonly buildMinutes: number;
}

const tools = dirname(import.meta.dirname);

/** Every program by name, for the machine's own operating system and processor. */
export function catalog(
  platform: NodeJS.Platform = process.platform,
  architecture: string = process.arch,
): readonly Binary[] {
  const arch = architecture === 'x64' ? 'amd64' : architecture;
  const others = [etcd, helm, coredns, krew, kubeconform, untt, actionlint, versitygw].map((describe) =>
    describe(platform, arch),
  );
  return [...kubernetes(platform, arch), ...others];
}

function kubernetes(platform: NodeJS.Platform, arch: string): Binary[] {
  const version = pinned(tools, 'k8s.io/kubernetes');
  const [major = '', minor = ''] = version.slice(1).split('.');
  return (Object.keys(kubernetesPrograms) as (keyof typeof kubernetesPrograms)[]).map((name) => {
    const url = `https://dl.k8s.io/release/${version}/bin/${platform}/${arch}/${name}`;
    return {
      name,
      version,
      folder: `kubernetes-${version}`,
      minimum: [1, 34],
      versionArguments: name === 'kubectl' ? ['version', '--client'] : ['--version'],
      release: { url, checksums: `${url}.sha256` },
      goModule: tools,
      goPackage: `k8s.io/kubernetes/cmd/${name}`,
      stamps: {
        'k8s.io/component-base/version.gitVersion': version,
        'k8s.io/component-base/version.gitMajor': major,
        'k8s.io/component-base/version.gitMinor': minor,
      },
      buildMinutes: kubernetesPrograms[name],
    };
  });
}

function etcd(platform: NodeJS.Platform, arch: string): Binary {
  const version = pinned(tools, 'go.etcd.io/etcd/server/v3');
  const base = `https://github.com/etcd-io/etcd/releases/download/${version}`;
  return {
    name: 'etcd',
    version,
    folder: `etcd-${version}`,
    minimum: [3, 5],
    versionArguments: ['--version'],
    release: {
      url: `${base}/etcd-${version}-${platform}-${arch}.${platform === 'linux' ? 'tar.gz' : 'zip'}`,
      checksums: `${base}/SHA256SUMS`,
    },
    goModule: tools,
    goPackage: './etcd',
    stamps: {},
    buildMinutes: 1,
  };
}

/** Helm 3: charts of a user are installed with it. */
function helm(platform: NodeJS.Platform, arch: string): Binary {
  const module = 'helm.sh/helm/v3';
  const version = pinned(tools, module);
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(pinned(tools, 'k8s.io/kubernetes'))!;
  const url = `https://get.helm.sh/helm-${version}-${platform}-${arch}.tar.gz`;
  return {
    name: 'helm',
    version,
    folder: `helm-${version}`,
    minimum: [3, 14],
    versionArguments: ['version', '--short'],
    release: { url, checksums: `${url}.sha256sum` },
    goModule: tools,
    goPackage: `${module}/cmd/helm`,
    // Its own Makefile's: without the Kubernetes version, `helm template` takes the cluster for a v1.20.
    stamps: {
      [`${module}/internal/version.version`]: version,
      [`${module}/pkg/lint/rules.k8sVersionMajor`]: major,
      [`${module}/pkg/lint/rules.k8sVersionMinor`]: minor,
      [`${module}/pkg/chartutil.k8sVersionMajor`]: major,
      [`${module}/pkg/chartutil.k8sVersionMinor`]: minor,
    },
    buildMinutes: 2,
  };
}

function coredns(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'coredns');
  const version = pinned(module, 'github.com/coredns/coredns');
  const url = `https://github.com/coredns/coredns/releases/download/${version}/coredns_${version.slice(1)}_${platform}_${arch}.tgz`;
  return {
    name: 'coredns',
    version,
    folder: `coredns-${version}`,
    minimum: [1, 11],
    versionArguments: ['-version'],
    release: { url, checksums: `${url}.sha256` },
    goModule: module,
    goPackage: '.',
    stamps: {},
    buildMinutes: 1,
  };
}

/** The plug-in manager of kubectl. What it says of its version is for people, so that the machine's is never taken. */
function krew(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'krew');
  const version = pinned(module, 'sigs.k8s.io/krew');
  const member = `krew-${platform}_${arch}`;
  const url = `https://github.com/kubernetes-sigs/krew/releases/download/${version}/${member}.tar.gz`;
  return {
    name: 'krew',
    version,
    folder: `krew-${version}`,
    minimum: undefined,
    versionArguments: ['version'],
    release: { url, checksums: `${url}.sha256`, member },
    goModule: module,
    goPackage: 'sigs.k8s.io/krew/cmd/krew',
    stamps: { 'sigs.k8s.io/krew/internal/version.gitTag': version },
    buildMinutes: 1,
  };
}

/** Checks manifests against JSON schemas. */
function kubeconform(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'kubeconform');
  const version = pinned(module, 'github.com/yannh/kubeconform');
  const base = `https://github.com/yannh/kubeconform/releases/download/${version}`;
  return {
    name: 'kubeconform',
    version,
    folder: `kubeconform-${version}`,
    minimum: [0, 6],
    versionArguments: ['-v'],
    release: { url: `${base}/kubeconform-${platform}-${arch}.tar.gz`, checksums: `${base}/CHECKSUMS` },
    goModule: module,
    goPackage: 'github.com/yannh/kubeconform/cmd/kubeconform',
    stamps: { 'main.version': version },
    buildMinutes: 1,
  };
}

/** helm-unittest, by the name that its program has in releases. It states no version, so that the machine's is never taken. */
function untt(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'helm-unittest');
  const project = 'github.com/helm-unittest/helm-unittest';
  const version = pinned(module, project);
  const base = `https://${project}/releases/download/${version}`;
  const system = platform === 'darwin' ? 'macos' : platform;
  return {
    name: 'untt',
    version,
    folder: `helm-unittest-${version}`,
    minimum: undefined,
    versionArguments: ['--version'],
    release: {
      url: `${base}/helm-unittest-${system}-${arch}-${version.slice(1)}.tgz`,
      checksums: `${base}/helm-unittest-checksum.sha`,
    },
    goModule: module,
    goPackage: `${project}/cmd/helm-unittest`,
    stamps: {},
    buildMinutes: 2,
  };
}

/** Checks workflows of GitHub Actions: what they may hold, and the types of their expressions. */
function actionlint(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'actionlint');
  const project = 'github.com/rhysd/actionlint';
  const version = pinned(module, project);
  const base = `https://${project}/releases/download/${version}/actionlint_${version.slice(1)}`;
  return {
    name: 'actionlint',
    version,
    folder: `actionlint-${version}`,
    minimum: [1, 7],
    versionArguments: ['--version'],
    release: { url: `${base}_${platform}_${arch}.tar.gz`, checksums: `${base}_checksums.txt` },
    goModule: module,
    goPackage: `${project}/cmd/actionlint`,
    stamps: {},
    buildMinutes: 1,
  };
}

function versitygw(platform: NodeJS.Platform, arch: string): Binary {
  const module = join(tools, 'versitygw');
  const version = pinned(module, 'github.com/versity/versitygw');
  const base = `https://github.com/versity/versitygw/releases/download/${version}`;
  const system = platform === 'darwin' ? 'Darwin' : 'Linux';
  return {
    name: 'versitygw',
    version,
    folder: `versitygw-${version}`,
    minimum: [1, 8],
    versionArguments: ['--version'],
    release: {
      url: `${base}/versitygw_${version}_${system}_${arch === 'amd64' ? 'x86_64' : arch}.tar.gz`,
      checksums: `${base}/checksums.txt`,
    },
    goModule: module,
    goPackage: 'github.com/versity/versitygw/cmd/versitygw',
    stamps: { 'main.Version': version },
    buildMinutes: 1,
  };
}

/** The version a go.mod requires: the one place where versions are pinned. */
function pinned(folder: string, module: string): string {
  const lines = readFileSync(join(folder, 'go.mod'), 'utf8').split('\n');
  const required = lines
    .map((line) =>
      line
        .replace(/^require\b/, '')
        .trim()
        .split(' '),
    )
    .find(([name]) => name === module);
  return required![1]!;
}
