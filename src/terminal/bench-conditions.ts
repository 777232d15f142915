import { UserError } from '../base/errors.js';
import type { Conditions } from '../bench/system/visit.js';
import { PUBLISHED_POWERS } from '../evaluation/powers.js';
import { networkProfile } from '../plan/networks.js';

/** Every connection with every processor. @throws UserError where one is unknown or makes no sense */
export function conditionsOf({ network, slowdown }: { network: string; slowdown: string }): Conditions[] {
  const slowdowns = slowdown.split(',').map((text) => {
    const times = Number(text);
    if (times >= 1 && times <= 20) return times;
    throw new UserError(`--slowdown: expected numbers from 1 to 20, separated by commas, found ${slowdown}`);
  });
  const profiles = network.split(',').map((name) => networkProfile(name.trim()));
  return slowdowns.flatMap((times) => profiles.map((profile) => ({ network: profile, slowdown: times })));
}

/** What partitions are priced with. */
export const devicePowers = (connection: string) => ({
  computeMw: PUBLISHED_POWERS.processor.busyMw,
  radioMw: PUBLISHED_POWERS.radios[connection]?.baseMw ?? 0,
});
