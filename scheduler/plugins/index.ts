import type { Claims } from '../capacity/claims.ts';
import type { Plugin } from '../framework/plugin.ts';
import { allowedCountries } from './allowed-countries/allowed-countries.ts';
import { cordoned } from './cordoned/cordoned.ts';
import { dataDistance } from './data-distance/data-distance.ts';
import { deviceCapacity } from './device-capacity/device-capacity.ts';
import { hardwareFit } from './hardware-fit/hardware-fit.ts';
import { independence } from './independence/independence.ts';
import { modelWarm } from './model-warm/model-warm.ts';
import { nodeReady } from './node-ready/node-ready.ts';
import { price } from './price/price.ts';
import { priceCap } from './price-cap/price-cap.ts';
import { serviceTime } from './service-time/service-time.ts';
import { trustedClass } from './trusted-class/trusted-class.ts';

/**
 * Every plugin in the order of its filter. What only another request could change comes first, so that a node which
 * Cordoned, NodeReady or DeviceCapacity rejects would otherwise fit: that is what makes a request resolvable.
 */
export function allPlugins(claims: Claims): readonly Plugin[] {
  return [
    trustedClass,
    independence,
    allowedCountries,
    hardwareFit,
    priceCap,
    dataDistance,
    cordoned,
    nodeReady,
    deviceCapacity(claims),
    modelWarm,
    serviceTime,
    price,
  ];
}
