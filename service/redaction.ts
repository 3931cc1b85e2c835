/** Names of fields whose text never reaches a log, whatever it is. Numbers and booleans do: a fencing token is one. */
const secretField =
  /(authorization|token|secret|password|passphrase|access[-_]?key|private[-_]?key|client[-_]?key|cookie)$/i;

const mask = '[redacted]';

/** Secrets within longer texts, such as the message of an error that quotes a URL. */
const secretTexts: readonly [RegExp, string][] = [
  [
    /([?&](?:x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid|sig|token)=)[^&\s"'<>]+/gi,
    `$1${mask}`,
  ],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@"']*):[^\s@/"']+@/gi, `$1:${mask}@`],
  [/\b(bearer|basic) [\w.~+/=-]{8,}/gi, `$1 ${mask}`],
  [/\bisochrone-join-v1\.[\w-]+/g, mask],
  [/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, mask],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, mask],
];

/** Nearly every line has none of these words, and is written as it is. */
const suspicious =
  /authorization|token|secret|password|passphrase|access[-_]?key|private.?key|client[-_]?key|cookie|[?&](?:x-amz-|sig)|bearer |basic |eyJ|isochrone-join-v1|:\/\/[^\s/]*:[^\s/]*@/i;

/** Takes a line of JSON and gives it without secrets, at any depth. */
export function redactLine(line: string): string {
  if (!suspicious.test(line)) return line;
  return `${JSON.stringify(redact(JSON.parse(line)))}\n`;
}

/** The same for a text that is not JSON. */
export function redactText(text: string): string {
  return secretTexts.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]: [string, unknown]) => [
      name,
      secretField.test(name) && (typeof field === 'string' || typeof field === 'object') ? mask : redact(field),
    ]),
  );
}
