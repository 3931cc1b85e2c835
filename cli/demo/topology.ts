/** A machine of a member. */
export interface NodeSpecification {
  readonly name: string;
  /** Asked per thousand reference seconds. */
  readonly price: string;
}

/** A member of the local federation; its EdgeCluster is in the manifests. */
export interface MemberSpecification {
  readonly name: string;
  /** The hub's own trusted cluster has no control plane of its own. */
  readonly isHub?: true;
  readonly nodes: readonly NodeSpecification[];
}

/** What examples/ocr/edgeclusters.yaml describes. */
export const ocrMembers: readonly MemberSpecification[] = [
  { name: 'hub', isHub: true, nodes: [{ name: 'hub-1', price: '0.30' }] },
  { name: 'frankfurt', nodes: [{ name: 'frankfurt-1', price: '0.22' }] },
  { name: 'san-francisco', nodes: [{ name: 'san-francisco-1', price: '0.18' }] },
  { name: 'singapore', nodes: [{ name: 'singapore-1', price: '0.12' }] },
];
