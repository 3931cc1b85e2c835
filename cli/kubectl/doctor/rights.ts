import {
  edgeClusterResource,
  edgeJoinRequestResource,
  inferenceJobResource,
  inferenceNodeResource,
  inferenceTaskResource,
  SYSTEM_NAMESPACE,
} from '@isochrone/api';
import { core, type ApiClient, type Resource } from '@isochrone/kube';

interface Right {
  readonly verb: string;
  readonly resource: Pick<Resource, 'group' | 'plural'>;
  readonly subresource?: string;
  /** Left out: in every one. */
  readonly namespace?: string;
}

const inSystem = { namespace: SYSTEM_NAMESPACE };

/**
 * One right of each rule that a program stands still without, by component. It is not the whole of files/rbac: roles that were
 * left out or are of an older chart lack one of these.
 */
const neededRights: Readonly<Record<string, readonly Right[]>> = {
  operator: [
    { verb: 'watch', resource: edgeClusterResource },
    { verb: 'watch', resource: edgeJoinRequestResource },
    { verb: 'patch', resource: inferenceJobResource, subresource: 'status' },
    { verb: 'create', resource: inferenceTaskResource },
    { verb: 'create', resource: core.namespaces },
    { verb: 'create', resource: core.secrets },
    { verb: 'create', resource: core.leases, ...inSystem },
    { verb: 'create', resource: core.events },
  ],
  scheduler: [
    { verb: 'watch', resource: inferenceNodeResource },
    { verb: 'watch', resource: inferenceTaskResource },
  ],
  edge: [
    { verb: 'create', resource: inferenceTaskResource, ...inSystem },
    { verb: 'watch', resource: inferenceNodeResource, ...inSystem },
    { verb: 'create', resource: core.secrets, ...inSystem },
    { verb: 'watch', resource: core.leases, ...inSystem },
  ],
  agent: [
    { verb: 'watch', resource: inferenceTaskResource, ...inSystem },
    { verb: 'patch', resource: inferenceTaskResource, subresource: 'status', ...inSystem },
    { verb: 'create', resource: inferenceNodeResource, ...inSystem },
    { verb: 'create', resource: core.leases, ...inSystem },
  ],
};

/** Asks the API server what the ServiceAccounts of the programs that are here may not do. @throws ApiError */
export async function lackingRights(
  client: ApiClient,
  components: ReadonlySet<string>,
  timeoutMilliseconds: number,
): Promise<{ account: string; right: string }[]> {
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const asked = [...components].flatMap((component) =>
    (neededRights[component] ?? []).map(async (right) => {
      const account = `isochrone-${component}`;
      const { status } = await client.request<{ status: { allowed: boolean } }>({
        ...{ method: 'POST', path, body: reviewOf(account, right), timeoutMilliseconds },
      });
      return status.allowed ? [] : [{ account, right: textOf(right) }];
    }),
  );
  return (await Promise.all(asked)).flat();
}

function reviewOf(account: string, { verb, resource, subresource, namespace }: Right): object {
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${SYSTEM_NAMESPACE}:${account}`,
      groups: ['system:authenticated', 'system:serviceaccounts', `system:serviceaccounts:${SYSTEM_NAMESPACE}`],
      resourceAttributes: {
        ...{ verb, group: resource.group, resource: resource.plural },
        ...(subresource && { subresource }),
        ...(namespace && { namespace }),
      },
    },
  };
}

function textOf({ verb, resource: { group, plural }, subresource, namespace }: Right): string {
  const what = [plural, ...(subresource === undefined ? [] : [subresource])].join('/');
  return [
    verb,
    what,
    ...(group === '' ? [] : ['of', group]),
    ...(namespace === undefined ? [] : ['in', namespace]),
  ].join(' ');
}
