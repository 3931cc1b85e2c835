/** A cluster of kind that is a member of the federation. */
export interface KindMember {
  /** Of the EdgeCluster in examples/ocr, which says who and where it is. */
  readonly name: string;
  /** Name of the cluster for kind. */
  readonly cluster: string;
  /** Asked per thousand reference seconds. */
  readonly price: string;
}

/** The hub is a member too: its nodes admit models. */
export const hub: KindMember = { name: 'hub', cluster: 'isochrone-hub', price: '0.30' };

export const members: readonly KindMember[] = [
  hub,
  { name: 'frankfurt', cluster: 'isochrone-frankfurt', price: '0.22' },
  { name: 'san-francisco', cluster: 'isochrone-san-francisco', price: '0.18' },
];

/** The container of the object store, on the network of the clusters. */
export const objectsContainer = 'isochrone-objects';
