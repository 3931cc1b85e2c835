import { names } from '@isochrone/api';
import { ApiError, core, formatTime, type ApiClient, type ConfigMap } from '@isochrone/kube';
import { createHashChain, type Digest, type HashChain } from '@isochrone/verification';
import { OperatorError } from '../errors.ts';

export interface SamplingKeys {
  /** The key of the present epoch, secret until the epoch after it is over. @throws OperatorError SAMPLING_CHAIN_ENDED */
  key(now: number): Digest;
  /** Publishes the newest key that is no longer used; all earlier ones follow from it by hashing. */
  reveal(now: number): Promise<void>;
  /** Until the next key is due to be published. */
  millisecondsToReveal(now: number): number;
}

/** Ten years of epochs of six hours. */
const chainLength = 14_610;

/**
 * The keys that decide which rows are drawn, fixed beforehand by the head of a hash chain in a ConfigMap, so that anyone can
 * draw a past sample again (proto/digest.md §7).
 * @throws OperatorError OPERATOR_SECRET_INVALID when the ConfigMap was published for another seed; ApiError
 */
export async function openSamplingKeys(
  client: ApiClient,
  namespace: string,
  seed: Uint8Array,
  epochSeconds: number,
  now: number,
): Promise<SamplingKeys> {
  const chain = createHashChain(seed, chainLength);
  const ref = { namespace, name: names.samplingChain };
  const published = (await client.find(core.configMaps, ref)) ?? (await publish(client, ref, chain, epochSeconds, now));
  const { head, epochSeconds: epoch, startTime, revealedEpoch } = published.data ?? {};
  const [length, start] = [Number(epoch) * 1000, Date.parse(startTime ?? '')];
  const revealed = Number(revealedEpoch ?? 0);
  if (head !== hex(chain.head) || !(length > 0) || Number.isNaN(start) || !Number.isSafeInteger(revealed)) {
    throw new OperatorError(
      'OPERATOR_SECRET_INVALID',
      `ConfigMap ${namespace}/${ref.name} holds another chain than Secret ${names.operatorSecret} makes; restore the Secret, or delete the ConfigMap to publish a new chain`,
    );
  }
  return new ChainedKeys({ client, ref, chain, start, length }, revealed);
}

async function publish(
  client: ApiClient,
  ref: { namespace: string; name: string },
  chain: HashChain,
  epochSeconds: number,
  now: number,
): Promise<ConfigMap> {
  const data = {
    head: hex(chain.head),
    length: String(chain.length),
    epochSeconds: String(epochSeconds),
    startTime: formatTime(now),
  };
  try {
    return await client.create(core.configMaps, { metadata: ref, data });
  } catch (error) {
    if (error instanceof ApiError && error.isAlreadyExists) return client.get(core.configMaps, ref);
    throw error;
  }
}

interface Chain {
  readonly client: ApiClient;
  readonly ref: { namespace: string; name: string };
  readonly chain: HashChain;
  /** Of epoch 1, milliseconds since 1970. */
  readonly start: number;
  /** Of an epoch, milliseconds. */
  readonly length: number;
}

class ChainedKeys implements SamplingKeys {
  readonly #chain: Chain;
  /** Newest epoch whose key is public. */
  #revealed: number;

  constructor(chain: Chain, revealed: number) {
    this.#chain = chain;
    this.#revealed = revealed;
  }

  key(now: number): Digest {
    const { chain, ref } = this.#chain;
    // A clock that was set back must not draw with a key that is public.
    const epoch = Math.max(this.#epoch(now), this.#revealed + 1);
    if (epoch <= chain.length) return chain.key(epoch);
    throw new OperatorError(
      'SAMPLING_CHAIN_ENDED',
      `the sampling chain in ConfigMap ${ref.namespace}/${ref.name} is used up; delete it and Secret ${names.operatorSecret} while no job is open`,
    );
  }

  async reveal(now: number): Promise<void> {
    const { client, ref, chain } = this.#chain;
    // One epoch stays between use and publication, so that no window is open whose key is known.
    const epoch = Math.min(this.#epoch(now) - 2, chain.length);
    if (epoch <= this.#revealed) return;
    await client.mergePatch(core.configMaps, ref, {
      data: { revealedEpoch: String(epoch), revealedKey: hex(chain.key(epoch)) },
    });
    this.#revealed = epoch;
  }

  millisecondsToReveal(now: number): number {
    const { start, length } = this.#chain;
    return length - ((now - start) % length);
  }

  #epoch(now: number): number {
    return Math.floor((now - this.#chain.start) / this.#chain.length) + 1;
  }
}

function hex(digest: Digest): string {
  return Buffer.from(digest).toString('hex');
}
