import type { ApiClient } from '@isochrone/kube';
import { collect } from './collect.ts';
import { examine } from './examine.ts';
import type { Finding } from './findings.ts';

/** Looks at a cluster and tells what is wrong. @param isEdge whether it is a member; found out when not given */
export async function diagnose(client: ApiClient, now: number, isEdge?: boolean): Promise<Finding[]> {
  return examine(await collect(client, now), isEdge);
}
