import { GROUP, schemaFields } from '@isochrone/api';
import { findCondition, type Condition, type CustomResourceDefinition } from '@isochrone/kube';
import { finding, type Finding } from './findings.ts';
import { nameOf, type Snapshot } from './snapshot.ts';

/** The minor version of Kubernetes 1 that is needed. */
const leastMinor = 34;
const memberKinds = ['inferencetasks', 'inferencenodes'];

export function checkServer({ server, unreachable, version, forbidden }: Snapshot): Finding[] {
  if (unreachable !== undefined) return [finding('ServerUnreachable', server, unreachable)];
  const { major, minor = '' } = {
    major: version?.emulationMajor ?? version?.major,
    minor: version?.emulationMinor ?? version?.minor,
  };
  const isOld = major === '1' && Number.parseInt(minor, 10) < leastMinor;
  return [
    ...(isOld
      ? [
          finding(
            'KubernetesTooOld',
            server,
            `it is ${major}.${minor} (${version?.gitVersion ?? ''}); 1.${leastMinor} is needed`,
          ),
        ]
      : []),
    ...forbidden.map((plural) => finding('PermissionMissing', server, `you may not list ${plural}`)),
  ];
}

/** @param isEdge a member has only what its agents need */
export function checkDefinitions(snapshot: Snapshot, isEdge: boolean): Finding[] {
  const { crds, server, unreachable, forbidden } = snapshot;
  if (unreachable !== undefined || forbidden.includes('customresourcedefinitions')) return [];
  return Object.entries(schemaFields)
    .filter(([plural]) => !isEdge || memberKinds.includes(plural))
    .flatMap(([plural, fields]) => {
      const crd = crds.find(({ spec }) => spec.names.plural === plural);
      if (crd === undefined) return [finding('CRDMissing', server, `there is no ${plural}.${GROUP}`)];
      return [...established(crd), ...older(crd, fields)];
    });
}

function established(crd: CustomResourceDefinition): Finding[] {
  const conditions = (crd.status?.conditions ?? []) as readonly Condition[];
  if (findCondition(conditions, 'Established')?.status === 'True') return [];
  const why = conditions.find(({ status }) => status === 'False')?.message ?? 'it was made just now';
  return [finding('CRDNotEstablished', nameOf('CustomResourceDefinition', crd), why)];
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

function older(crd: CustomResourceDefinition, fields: readonly string[]): Finding[] {
  const schema = crd.spec.versions[0]?.schema as { openAPIV3Schema?: Schema } | undefined;
  const missing = fields.filter((field) => !hasField(schema?.openAPIV3Schema, field.split('.')));
  if (missing.length === 0) return [];
  const more = missing.length === 1 ? '' : ` and ${missing.length - 1} more fields`;
  return [finding('CRDOlder', nameOf('CustomResourceDefinition', crd), `it has no ${missing[0]!}${more}`)];
}

function hasField(schema: Schema | undefined, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  const inside = schema?.items ?? schema;
  const next = inside?.properties?.[name];
  return next !== undefined && hasField(next, rest);
}
