import { CliError } from './errors.ts';

const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Takes what kubectl takes: `90s`, `5m`, `1h30m`, and `0` for no limit. @returns milliseconds @throws CliError USAGE */
export function parseDuration(flag: string, text: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw new CliError('USAGE', `${flag} is ${JSON.stringify(text)}; write a duration such as 90s, 5m or 1h30m, or 0`);
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * milliseconds[unit as keyof typeof milliseconds],
    0,
  );
}
