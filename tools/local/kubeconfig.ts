import type { Identity } from './certificate-authority.ts';

export interface KubeconfigContents {
  readonly cluster: string;
  /** https://host:port */
  readonly server: string;
  /** PEM */
  readonly ca: string;
  readonly user: string;
  readonly credential: Identity | { readonly token: string };
}

/** A kubeconfig of one context. It is JSON, which every YAML reader takes. */
export function kubeconfig({ cluster, server, ca, user, credential }: KubeconfigContents): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const authentication =
    'token' in credential
      ? { token: credential.token }
      : { 'client-certificate-data': base64(credential.certificate), 'client-key-data': base64(credential.key) };
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: user, user: authentication }],
      contexts: [{ name: cluster, context: { cluster, user } }],
      'current-context': cluster,
    },
    null,
    2,
  )}\n`;
}
