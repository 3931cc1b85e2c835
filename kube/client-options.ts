import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface ClientOptions {
  /** Names the cluster in logs and metrics. Default: the server's host. */
  name?: string;
  /** Default field manager of writes. Default `isochrone-kube`. */
  fieldManager?: string;
  userAgent?: string;
  /** Parallel connections for requests; each watch has one of its own besides. Default 16. */
  maxConnections?: number;
  /** Client-side rate limit, requests a second, and how many may come at once. Default: none. */
  requestsPerSecond?: number;
  burst?: number;
  logger?: Logger;
  metrics?: Metrics;
  clock?: Clock;
  random?: () => number;
}
export interface ServerOptions extends ClientOptions {
  /** For example `https://10.0.0.1:6443`. */
  server: string;
  /** PEM bundle that must have signed the server's certificate. Default: Node's roots. */
  ca?: string;
  /** Checked against the certificate instead of the server's host. */
  tlsServerName?: string;
  token?: string;
  /** Read again when it is older than a minute, or the server answers 401. */
  tokenFile?: string;
  /** Asked before every request, for a token that is rotated by other means. */
  currentToken?: () => string;
  /** HTTP(S) proxy to tunnel through. */
  proxyUrl?: string;
  /** PEM. */
  clientCertificate?: string;
  /** PEM. */
  clientKey?: string;
}
export interface KubeconfigOptions extends ClientOptions {
  /** File to read. Default: `$KUBECONFIG`, then `~/.kube/config`. */
  path?: string;
  /** The kubeconfig itself, for example from a Secret; commands, auth providers and file paths in it are refused. */
  text?: string;
  /** Default: the file's current context. */
  context?: string;
}
export interface InClusterOptions extends ClientOptions {
  /** Default `/var/run/secrets/kubernetes.io/serviceaccount`. */
  directory?: string;
  environment?: NodeJS.ProcessEnv;
}
