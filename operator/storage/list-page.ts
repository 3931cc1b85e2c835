export interface ListedObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  readonly continuationToken: string | undefined;
}

/** Reads the answer of ListObjectsV2. Its elements are flat text, so no XML parser is needed. */
export function parseListPage(xml: string): ListPage {
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry]) => ({
    key: element(entry!, 'Key') ?? '',
    sizeBytes: Number(element(entry!, 'Size') ?? '0'),
    etag: element(entry!, 'ETag') ?? '',
  }));
  const truncated = element(xml, 'IsTruncated') === 'true';
  return { objects, continuationToken: truncated ? element(xml, 'NextContinuationToken') : undefined };
}

function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : unescape(text);
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return entities[name ?? ''] ?? whole;
    },
  );
}
