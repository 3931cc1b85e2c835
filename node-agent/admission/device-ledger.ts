/** What a device can take. */
export interface DeviceCapacity {
  readonly memoryBytes: number;
  readonly slots: number;
}

interface Reservation {
  readonly deviceUUID: string;
  readonly memoryBytes: number;
}

/** Memory and slots that tasks hold on the devices: the last guard against a placement that does not fit. */
export class DeviceLedger {
  readonly #devices: ReadonlyMap<string, DeviceCapacity>;
  readonly #held = new Map<string, Reservation>();

  constructor(devices: ReadonlyMap<string, DeviceCapacity>) {
    this.#devices = devices;
  }

  /** Reserves for the task, or says why it does not fit. */
  reserve(task: string, { deviceUUID, memoryBytes }: Reservation): string | undefined {
    const device = this.#devices.get(deviceUUID);
    if (device === undefined) return `device ${deviceUUID} is not on this node`;
    const others = [...this.#held.values()].filter((held) => held.deviceUUID === deviceUUID);
    if (others.length >= device.slots) return `all ${device.slots} slots of device ${deviceUUID} are taken`;
    const free = others.reduce((rest, held) => rest - held.memoryBytes, device.memoryBytes);
    if (memoryBytes > free)
      return `the model needs ${memoryBytes} bytes of memory on device ${deviceUUID}, ${free} are free`;
    this.#held.set(task, { deviceUUID, memoryBytes });
    return undefined;
  }

  release(task: string): void {
    this.#held.delete(task);
  }
}
