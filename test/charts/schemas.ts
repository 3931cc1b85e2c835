import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  definitions?: Record<string, Schema>;
  'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
  [key: string]: unknown;
}

const intOrString: Schema = { oneOf: [{ type: 'string' }, { type: 'integer' }] };
/** Types whose JSON is other than their declaration says. */
const replaced: Readonly<Record<string, Schema>> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': intOrString,
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
};

/** For kubeconform's --schema-location; its Group is the version for kinds of the core. */
export const schemaTemplate = (folder: string): string =>
  join(folder, '{{.ResourceKind}}-{{.Group}}_{{.ResourceAPIVersion}}.json');

/**
 * Writes a JSON schema for every kind that an API server serves, its CRDs among them: strict, a field that is not declared
 * is refused. Each file holds all that it refers to.
 * @param openApi what the API server has at /openapi/v2
 */
export async function writeSchemas(openApi: string, folder: string): Promise<void> {
  const { definitions } = JSON.parse(openApi) as { definitions: Record<string, Schema> };
  const strict = Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [name, replaced[name] ?? (strictly(schema) as Schema)]),
  );
  for (const [name, schema] of Object.entries(definitions)) {
    for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      const whole: Schema = {
        ...strict[name],
        $schema: 'http://json-schema.org/draft-07/schema#',
        properties: { ...strict[name]!.properties, apiVersion: { const: apiVersion }, kind: { const: kind } },
        definitions: referred(strict[name]!, strict),
      };
      const file = `${kind.toLowerCase()}-${group || version}_${version}.json`;
      await writeFile(join(folder, file), JSON.stringify(whole));
    }
  }
}

function strictly(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strictly);
  if (typeof node !== 'object' || node === null) return node;
  const schema = node as Schema;
  if (schema['x-kubernetes-int-or-string'] === true || schema['format'] === 'int-or-string') return intOrString;
  const result = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strictly(value)])) as Schema;
  const isOpen = 'additionalProperties' in schema || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (typeof result.properties === 'object' && !isOpen) result.additionalProperties = false;
  return result;
}

/** The definitions that a schema refers to, and those that they refer to. */
function referred(schema: Schema, all: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const visit = (from: Schema): void => {
    for (const [, name] of JSON.stringify(from).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      if (name! in found) continue;
      found[name!] = all[name!]!;
      visit(all[name!]!);
    }
  };
  visit(schema);
  return found;
}
