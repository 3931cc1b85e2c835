import { edgeNamespace, names } from '@isochrone/api';
import { ApiClient, core, type ClientOptions } from '@isochrone/kube';
import type { Credential } from '../join/credential.ts';

/** Where the hub is, and by which authority it is known. */
export interface HubPlace {
  readonly server: string;
  /** PEM. Absent for a hub with a publicly trusted certificate. */
  readonly ca?: string;
}

/** The place that came with a credential, when it is another than the known one. What the hub does not say stays. */
export function offeredPlace({ server, ca }: Pick<Credential, 'server' | 'ca'>, known: HubPlace): HubPlace | undefined {
  const isSame =
    (server === undefined || server === known.server) && (ca === undefined || ca.trim() === known.ca?.trim());
  if (isSame) return undefined;
  const nextCA = ca ?? known.ca;
  return { server: server ?? known.server, ...(nextCA === undefined ? {} : { ca: nextCA }) };
}

interface Trial {
  readonly client: ClientOptions;
  readonly place: HubPlace;
  readonly token: string;
  readonly cluster: string;
  readonly proxyUrl: string | undefined;
}

/** Whether the hub answers there, to this token. @returns why not; undefined when it does */
export async function tryHub(
  { client, place, token, cluster, proxyUrl }: Trial,
  signal: AbortSignal,
): Promise<string | undefined> {
  let hub: ApiClient | undefined;
  try {
    hub = ApiClient.fromOptions({ ...client, ...place, token, ...(proxyUrl === undefined ? {} : { proxyUrl }) });
    const ref = { namespace: edgeNamespace(cluster), name: names.edgeLease };
    await hub.get(core.leases, ref, { signal, timeoutMilliseconds: 10_000 });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  } finally {
    await hub?.close();
  }
}
