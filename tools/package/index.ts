export { packKube } from './pack-kube.ts';
export { packageCli } from './package-cli.ts';
