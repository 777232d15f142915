import { UserError } from '../base/errors.js';

/** The origin of a server's address; `http://` may be left out. @throws UserError */
export function parseOrigin(address: string): string {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.host && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username) {
    return url.origin;
  }
  throw new UserError(`expected the address of a server, such as http://10.0.0.2:8080, found ${address}`);
}

/**
 * Servers with their capacities, given as one number or one for each with commas between them.
 *
 * @throws UserError
 */
export function parseServers(addresses: readonly string[], capacity: string) {
  const origins = addresses.map(parseOrigin);
  const twin = origins.find((origin, i) => origins.indexOf(origin) !== i);
  if (twin) throw new UserError(`expected each server once, found ${twin} twice`);
  if (origins.length > 256) throw new UserError(`expected at most 256 servers, found ${origins.length}`);
  const capacities = capacity.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const wrong = capacities.find((places) => !(Number.isSafeInteger(places) && places >= 1));
  if (wrong !== undefined) {
    throw new UserError(`--capacity: expected whole numbers from 1 with commas between them, found ${capacity}`);
  }
  if (capacities.length !== 1 && capacities.length !== origins.length) {
    throw new UserError(
      `--capacity: expected one number, or ${origins.length} for ${origins.length} servers, found ${capacities.length}`,
    );
  }
  return origins.map((origin, i) => ({ origin, capacity: capacities[capacities.length === 1 ? 0 : i] }));
}
