import type { Claims } from '../../capacity/claims.ts';
import type { Plugin } from '../../framework/plugin.ts';
import { formatBytes } from '../../table/quantity.ts';

/** Whether a slot and the memory are free now, counting assumptions and tasks; reserving makes an assumption. */
export function deviceCapacity(claims: Claims): Plugin {
  return {
    name: 'DeviceCapacity',
    prepare({ request, columns }) {
      const { slots, usedSlots, memoryBytes, usedMemoryBytes } = columns;
      const { deviceMemory } = request;
      return {
        filter: {
          reasons: [
            { code: 'Unschedulable', name: 'SlotsInUse', text: 'every slot is in use' },
            {
              code: 'Unschedulable',
              name: 'DeviceMemoryInUse',
              text: `free device memory is below ${formatBytes(deviceMemory)}`,
            },
          ],
          test: (row) => {
            if (usedSlots[row]! >= slots[row]!) return 1;
            return memoryBytes[row]! - usedMemoryBytes[row]! < deviceMemory ? 2 : 0;
          },
        },
      };
    },
    reserve(binding, request) {
      const { workUid, attempt, deviceMemory } = request;
      const { cluster, node, deviceUuid, executionProvider, ...decided } = binding;
      claims.assume({
        workUid,
        attempt,
        cluster,
        node,
        deviceUuid,
        executionProvider,
        memoryBytes: deviceMemory,
        request,
        decided,
      });
    },
    unreserve({ workUid, attempt }) {
      claims.withdraw(workUid, attempt);
    },
  };
}
