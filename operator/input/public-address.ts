import { BlockList, isIP } from 'node:net';

/** What is not on the public internet (IANA's registries of special-purpose addresses). One list each: Node matches IPv4 by rules of IPv6 too. */
const notPublic = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  notPublic.ipv4.addSubnet(network, prefix, 'ipv4');
// Of IPv6, 2000::/3 alone is public, but for what in it stands for addresses of IPv4 or for none.
for (const [network, prefix] of [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
] as const)
  notPublic.ipv6.addSubnet(network, prefix, 'ipv6');

/** Whether an address is on the public internet. IPv4 within IPv6 is not: nobody needs to write it so. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  // A zone (fe80::1%eth0) is of a link.
  if (family === 0 || address.includes('%')) return false;
  const list = family === 4 ? 'ipv4' : 'ipv6';
  return !notPublic[list].check(address, list);
}

/** What an administrator lets jobs read though it is not public. */
export interface AllowedSources {
  /** Whether a host may have any address. @param host `name` or `name:port`, as in a URL */
  readonly allowsHost: (host: string, hostname: string) => boolean;
  readonly allowsAddress: (address: string) => boolean;
}

/** @param entries `name`, `name:port`, an address, or a network such as 10.20.0.0/16; as {@link isAllowedSource} takes them */
export function allowedSources(entries: readonly string[]): AllowedSources {
  const networks = { ipv4: new BlockList(), ipv6: new BlockList() };
  const hosts = new Set<string>();
  for (const entry of entries) {
    const network = parseNetwork(entry);
    if (network === undefined) hosts.add(entry.toLowerCase());
    else networks[network.family].addSubnet(network.address, network.prefix, network.family);
  }
  return {
    allowsHost: (host, hostname) => hosts.has(host) || hosts.has(hostname),
    allowsAddress: (address) => {
      if (isPublicAddress(address)) return true;
      const family = isIP(address);
      if (family === 0 || address.includes('%')) return false;
      const list = family === 4 ? 'ipv4' : 'ipv6';
      return networks[list].check(address, list);
    },
  };
}

/** Whether an administrator may write the entry: a network whose prefix is out of range would otherwise pass for a host. */
export function isAllowedSource(entry: string): boolean {
  return parseNetwork(entry) !== undefined || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9]\d{0,4})?$/i.test(entry);
}

function parseNetwork(entry: string): { family: 'ipv4' | 'ipv6'; address: string; prefix: number } | undefined {
  const [, address = '', digits] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0) return undefined;
  const most = family === 4 ? 32 : 128;
  const prefix = digits === undefined ? most : Number(digits);
  return prefix > most ? undefined : { family: family === 4 ? 'ipv4' : 'ipv6', address, prefix };
}
