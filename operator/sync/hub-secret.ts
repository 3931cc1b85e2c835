import { annotations, names } from '@isochrone/api';
import { ApiError, core, type ApiClient, type MergePatch, type Secret } from '@isochrone/kube';
import { fingerprintOf, publicKeyOf } from '../join/seal.ts';

/** What the Secret `isochrone-hub` on a member holds: all that the edge operator must remember. */
export interface HubSecret {
  readonly server: string;
  /** PEM. Absent for a hub with a publicly trusted certificate. */
  readonly ca?: string;
  /** Of the EdgeCluster that the credential is for. */
  readonly cluster: string;
  /** The newest token of the hub. Absent until it was accepted. */
  readonly token?: string;
  /** Private key that the hub encrypts every token to; it never leaves the member. Absent after a join of before it did. */
  readonly key?: string;
  /** Id of the join token that was used last: it is not used twice. */
  readonly joinID?: string;
  /** Private key of a join that is under way: the next `key`. */
  readonly joinKey?: string;
  /** UID of the EdgeJoinRequest that the token came by. */
  readonly joinedBy?: string;
}

const keys = {
  server: 'server',
  ca: 'ca.crt',
  cluster: 'cluster',
  token: 'token',
  key: 'private-key',
  joinID: 'join-id',
  joinKey: 'join-key',
  joinedBy: 'joined-by',
} as const satisfies Record<keyof HubSecret, string>;

/** Undefined when it lacks what a connection needs. */
export function parseHubSecret({ data = {} }: Secret): HubSecret | undefined {
  const fields: Partial<Record<keyof HubSecret, string>> = {};
  for (const [field, key] of Object.entries(keys) as [keyof HubSecret, string][]) {
    const text = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    if (text !== '') fields[field] = text;
  }
  const { server, cluster, ...rest } = fields;
  return server === undefined || cluster === undefined ? undefined : { server, cluster, ...rest };
}

/** As the API takes it; what is absent is removed by a patch. */
export function hubSecretPatch(hub: HubSecret): MergePatch<Secret> & { metadata: { annotations: object } } {
  const data = Object.fromEntries(
    (Object.entries(keys) as [keyof HubSecret, string][]).map(([field, key]) => {
      const text = hub[field];
      return [key, text === undefined ? null : Buffer.from(text).toString('base64')];
    }),
  ) as Record<string, string>;
  const fingerprint = hub.joinKey === undefined ? null : fingerprintOf(publicKeyOf(hub.joinKey));
  return { metadata: { annotations: { [annotations.fingerprint]: fingerprint } }, data };
}

/** The Secret as an object of its own, for who creates it. */
export function hubSecretObject(hub: HubSecret, namespace: string): Secret {
  const { metadata, data } = hubSecretPatch(hub);
  const present = (record: object): Record<string, string> =>
    Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: names.hubCredential, namespace, annotations: present(metadata.annotations) },
    type: 'Opaque',
    data: present(data ?? {}),
  };
}

/** Reads the Secret and writes it, never over what somebody else wrote since. */
export class HubSecretStore {
  readonly #member: ApiClient;
  readonly #ref: { readonly namespace: string; readonly name: string };
  #secret: Secret | undefined;

  constructor(member: ApiClient, namespace: string) {
    this.#member = member;
    this.#ref = { namespace, name: names.hubCredential };
  }

  /** For events. */
  get object(): Secret {
    return this.#secret ?? { metadata: this.#ref };
  }

  /** @throws ApiError */
  async read(signal: AbortSignal): Promise<HubSecret | undefined> {
    this.#secret = await this.#member.find(core.secrets, this.#ref, { signal });
    return this.#secret === undefined ? undefined : parseHubSecret(this.#secret);
  }

  /** Over the version that was read last. @throws ApiError `isConflict` or `isAlreadyExists` when it was changed since */
  async write(hub: HubSecret): Promise<void> {
    const { namespace } = this.#ref;
    const { resourceVersion } = this.#secret?.metadata ?? {};
    if (resourceVersion === undefined) {
      this.#secret = await this.#member.create(core.secrets, hubSecretObject(hub, namespace));
      return;
    }
    const { metadata, data } = hubSecretPatch(hub);
    const patch = { metadata: { ...metadata, resourceVersion }, data: data ?? {} } as MergePatch<Secret>;
    this.#secret = await this.#member.mergePatch(core.secrets, this.#ref, patch);
  }

  /** Reads, changes and writes, again when somebody was faster. @throws ApiError */
  async update(change: (current: HubSecret | undefined) => HubSecret, signal: AbortSignal): Promise<HubSecret> {
    for (let attempt = 1; ; attempt++) {
      const next = change(await this.read(signal));
      try {
        await this.write(next);
        return next;
      } catch (error) {
        const wasFaster = error instanceof ApiError && (error.isConflict || error.isAlreadyExists || error.isNotFound);
        if (!wasFaster || attempt === 5) throw error;
      }
    }
  }
}
