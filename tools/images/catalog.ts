/** An image of this repository. */
export interface Image {
  readonly name: ImageName;
  /** What its layers may take, unpacked. A tenth above what was measured: growth is decided, not found out later. */
  readonly budgetMegabytes: number;
  /** The image that it is built on, of the same tag. */
  readonly on?: ImageName;
}

export type ImageName = 'control-plane' | 'node-agent' | 'node-agent-cuda';

/** Names without a host: where they lie is the choice of whoever pushes them. */
export const images: readonly Image[] = [
  { name: 'control-plane', budgetMegabytes: 330 },
  { name: 'node-agent', budgetMegabytes: 300 },
  { name: 'node-agent-cuda', budgetMegabytes: 3300, on: 'node-agent' },
];

/** Without CUDA's, which brings gigabytes and is built only when it is asked for. */
export const ordinaryImages: readonly ImageName[] = ['control-plane', 'node-agent'];

export function imageNamed(name: string): Image | undefined {
  return images.find((image) => image.name === name);
}

/** @returns what a Pod that takes it from an archive names */
export function imageReference(name: ImageName, tag: string): string {
  return `registry.local/isochrone/${name}:${tag}`;
}
