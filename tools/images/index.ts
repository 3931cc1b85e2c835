export { buildImages, imagesLacking } from './build-images.ts';
export type { BuildOptions, BuiltImage } from './build-images.ts';
export { imageReference, images, ordinaryImages } from './catalog.ts';
export type { Image, ImageName } from './catalog.ts';
