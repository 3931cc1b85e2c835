export { cudaLacking, driverLacking, findCudaLibraries } from './cuda-libraries.ts';
