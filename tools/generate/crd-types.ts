/** TypeScript types from the hand-written CRD schemas. A field with a default is present in what the API server returns. */

export interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
}

export interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly scope: 'Cluster' | 'Namespaced';
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** The source of one generated file: the kind's object type, its Spec and Status, and its resource constant. */
export function generateKind(definition: CustomResourceDefinition): string {
  const { group, names, scope, versions } = definition.spec;
  const version = versions[0]!;
  const root = version.schema.openAPIV3Schema;
  const { spec, status } = root.properties!;
  const apiVersion = `${group}/${version.name}`;
  const constant = names.kind.charAt(0).toLowerCase() + names.kind.slice(1) + 'Resource';
  const body: string[] = [];
  body.push(`${comment(spec!.description, 0)}export interface ${names.kind}Spec ${typeOf(spec!, 0)}\n`);
  if (status) body.push(`${comment(status.description, 0)}export interface ${names.kind}Status ${typeOf(status, 0)}\n`);
  body.push(
    `${comment(root.description, 0)}export interface ${names.kind} {\n` +
      `  apiVersion: '${apiVersion}';\n  kind: '${names.kind}';\n  metadata: ObjectMeta;\n  spec: ${names.kind}Spec;\n` +
      (status ? `  status?: ${names.kind}Status;\n` : '') +
      '}\n',
  );
  body.push(
    `export const ${constant}: ResourceOf<${names.kind}> = {\n  group: '${group}',\n  version: '${version.name}',\n` +
      `  kind: '${names.kind}',\n  plural: '${names.plural}',\n  namespaced: ${scope === 'Namespaced'},\n};\n`,
  );
  const text = body.join('\n');
  const imports = ['ObjectMeta', 'ResourceOf'];
  if (/\bCondition\[\]/.test(text)) imports.unshift('Condition');
  return (
    `// Generated from crds/${group}_${names.plural}.yaml by tools/generate. Do not edit.\n` +
    `import type { ${imports.join(', ')} } from '../meta.ts';\n\n${text}`
  );
}

function typeOf(schema: Schema, depth: number): string {
  if (schema.enum) return schema.enum.map((value) => `'${value}'`).join(' | ');
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'array': {
      if (isCondition(schema.items!)) return 'Condition[]';
      const item = typeOf(schema.items!, depth);
      return item.includes(' | ') && !item.startsWith('{') ? `(${item})[]` : `${item}[]`;
    }
    case 'object':
      return objectType(schema, depth);
    default:
      throw new Error(`schema type ${String(schema.type)} has no TypeScript type; extend tools/generate/crd-types.ts`);
  }
}

function objectType(schema: Schema, depth: number): string {
  const pad = '  '.repeat(depth + 1);
  const lines = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const present = schema.required?.includes(name) === true || property.default !== undefined;
    return `${comment(property.description, depth + 1)}${pad}${name}${present ? '' : '?'}: ${typeOf(property, depth + 1)};\n`;
  });
  return `{\n${lines.join('')}${'  '.repeat(depth)}}`;
}

function isCondition(schema: Schema): boolean {
  const properties = schema.properties ?? {};
  return 'lastTransitionTime' in properties && 'reason' in properties;
}

function comment(description: string | undefined, depth: number): string {
  return description ? `${'  '.repeat(depth)}/** ${description.replaceAll('*/', '*\\/')} */\n` : '';
}
