import { readConfigFile, type ConfigFile } from '@isochrone/service';

/** The file of `--config`, else of ISOCHRONE_CONFIG. @throws ServiceError CONFIG_UNREADABLE */
export function configFile(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): ConfigFile | undefined {
  const variable = env['ISOCHRONE_CONFIG'];
  // An empty variable is how a shell or a manifest says "not set".
  const path = flag ?? (variable === '' ? undefined : variable);
  return path === undefined ? undefined : readConfigFile(path);
}
