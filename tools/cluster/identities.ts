import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CertificateAuthority, makeTokenKey, type Identity } from '../local/certificate-authority.ts';
import { files } from '../local/control-plane-arguments.ts';
import { kubeconfig } from '../local/kubeconfig.ts';
import { nodeConfiguration } from './configuration.ts';
import { apiServerPort, nodeFiles, type ClusterLayout } from './layout.ts';
import { kubeconfigs, programUser } from './programs.ts';

/** What a client outside of the cluster needs. */
export interface Access {
  readonly server: string;
  /** PEM */
  readonly ca: string;
  readonly admin: Identity;
  readonly adminKubeconfig: string;
}

/** Writes every file that the programs of a cluster read: an authority of its own, certificates, kubeconfigs, settings. */
export async function writeClusterFiles(layout: ClusterLayout): Promise<Access> {
  const { name, directory, address, apiService } = layout;
  const authority = new CertificateAuthority(`${name}-ca`);
  const server = `https://${address}:${apiServerPort}`;
  const ca = authority.certificate;
  const write = async (file: string, text: string): Promise<string> => {
    const path = join(directory, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  };
  const writeIdentity = (certificate: string, key: string, identity: Identity): Promise<string[]> =>
    Promise.all([write(certificate, identity.certificate), write(key, identity.key)]);
  const inCluster = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  const token = makeTokenKey();
  const admin = authority.issueClient({ user: 'admin', groups: ['system:masters'] });
  const writeKubeconfig = (file: string, user: string, credential: Identity): Promise<string> =>
    write(file, kubeconfig({ cluster: name, server, ca, user, credential }));
  await Promise.all([
    write(files.ca, ca),
    writeIdentity(
      files.apiServerCertificate,
      files.apiServerKey,
      authority.issueServer('kube-apiserver', ['127.0.0.1', address, apiService, 'localhost', ...inCluster]),
    ),
    writeIdentity(
      files.kubeletClientCertificate,
      files.kubeletClientKey,
      authority.issueClient({ user: 'kube-apiserver', groups: ['system:masters'] }),
    ),
    writeIdentity(nodeFiles.kubeletCertificate, nodeFiles.kubeletKey, authority.issueServer(name, [address, name])),
    write(files.tokenPublicKey, token.publicKey),
    write(files.tokenPrivateKey, token.privateKey),
    ...Object.entries(kubeconfigs).map(([program, file]) => {
      const identity = programUser(program as keyof typeof kubeconfigs, layout);
      return writeKubeconfig(file, identity.user, authority.issueClient(identity));
    }),
    ...Object.entries(nodeConfiguration(layout)).map(([file, text]) => write(file, text)),
  ]);
  return { server, ca, admin, adminKubeconfig: await writeKubeconfig('admin.kubeconfig', 'admin', admin) };
}
