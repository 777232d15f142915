import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';

/** A server of a gateway. */
export interface ServerAddress {
  readonly origin: string;
  /** Requests it should work on at the same time. */
  readonly capacity: number;
}

const MAX_SERVERS = 256;

/** The origin of a server's address. `http://` is optional. @throws UserError */
export function parseOrigin(address: string): string {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.host && /^https?:$/.test(url.protocol) && url.pathname === '/' && !url.search && !url.username) {
    return url.origin;
  }
  throw new UserError(`expected the address of a server, such as http://10.0.0.2:8080, found ${address}`);
}

/**
 * Servers with their capacities.
 *
 * @param capacity one number for all servers, or one for each, separated by commas
 * @throws UserError
 */
export function parseServers(addresses: readonly string[], capacity: string): ServerAddress[] {
  const origins = addresses.map(parseOrigin);
  requireDifferent(origins);
  const capacities = capacity.split(',').map(parseCapacity);
  if (capacities.includes(undefined)) {
    throw new UserError(`--capacity: expected whole numbers from 1 with commas between them, found ${capacity}`);
  }
  if (capacities.length !== 1 && capacities.length !== origins.length) {
    throw new UserError(
      `--capacity: expected one number, or ${origins.length} for ${origins.length} servers, found ${capacities.length}`,
    );
  }
  return origins.map((origin, i) => ({ origin, capacity: capacities[capacities.length === 1 ? 0 : i]! }));
}

/**
 * Reads a list of servers: an address on each line, optionally followed by its capacity. `#` starts a comment.
 *
 * @param capacity of servers without their own
 * @throws UserError
 */
export function readServersFile(path: string, capacity: number): ServerAddress[] {
  const lines = readFileOrExplain(path, 'a list of servers').toString('utf8').split('\n');
  const servers = lines.flatMap((line, i) => {
    const [address, own, ...more] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (address === '') return [];
    const parsed = own === undefined ? capacity : parseCapacity(own);
    if (parsed === undefined || more.length > 0) {
      throw new UserError(`${path}, line ${i + 1}: expected ADDRESS or ADDRESS CAPACITY, found ${line.trim()}`);
    }
    return [{ origin: parseOrigin(address), capacity: parsed }];
  });
  if (servers.length === 0) throw new UserError(`${path}: expected at least one server, found none`);
  requireDifferent(servers.map(({ origin }) => origin));
  return servers;
}

function parseCapacity(text: string): number | undefined {
  const capacity = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(capacity) && capacity >= 1 ? capacity : undefined;
}

function requireDifferent(origins: readonly string[]): void {
  const duplicate = origins.find((origin, i) => origins.indexOf(origin) !== i);
  if (duplicate) throw new UserError(`expected each server once, found ${duplicate} twice`);
  if (origins.length > MAX_SERVERS)
    throw new UserError(`expected at most ${MAX_SERVERS} servers, found ${origins.length}`);
}
