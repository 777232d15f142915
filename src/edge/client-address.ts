import { BlockList, isIP, isIPv6 } from 'node:net';
import { UserError } from '../base/errors.js';

/**
 * What counts as one client for limits: an IPv4 address, or the /64 network of an IPv6 address, because a single client
 * usually has a whole /64.
 */
export function clientOf(address: string | undefined): string {
  const plain = plainAddress(address ?? '');
  if (!plain.includes(':') || !isIPv6(plain)) return plain;
  const [head, tail = ''] = plain.split('%')[0].split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  const groups = plain.includes('::') ? [...first, ...zeros, ...last] : first;
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** Whether an address is the one by which programs on this machine connect, such as a reverse proxy. */
export const isThisMachine = (address: string): boolean => ['127.0.0.1', '::1'].includes(withoutIPv4Prefix(address));

/** Names for common ranges, as in the `proxy-addr` package. */
const NAMED_RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** An address, or the addresses with the same first bits. */
interface Range {
  readonly address: string;
  readonly bits?: number;
  readonly family: 'ipv4' | 'ipv6';
}

/**
 * Replaces the names `loopback`, `linklocal` and `uniquelocal` with their ranges.
 *
 * @throws UserError if a range is invalid
 */
export function expandRanges(ranges: readonly string[]): string[] {
  const expanded = ranges.flatMap((name) => NAMED_RANGES[name] ?? [name]);
  expanded.forEach(parseRange);
  return expanded;
}

/**
 * A test for addresses of trusted proxies.
 *
 * @param ranges addresses, CIDR ranges, or the names `loopback`, `linklocal` and `uniquelocal`
 * @throws UserError if a range is invalid
 */
export function addressMatcher(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, bits, family } of expandRanges(ranges).map(parseRange)) {
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return (address) => {
    const plain = plainAddress(address);
    return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}

function parseRange(range: string): Range {
  const [written, prefix, ...more] = range.split('/');
  const address = withoutIPv4Prefix(written);
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  // In ::ffff:10.0.0.0/104, the first 96 bits say that it is an IPv4 address.
  const bits = prefix === undefined ? undefined : Number(prefix) - (address === written ? 0 : 96);
  const isPrefix = bits === undefined || (/^\d+$/.test(prefix) && bits >= 0 && bits <= (family === 'ipv6' ? 128 : 32));
  if (isIP(address) === 0 || !isPrefix || more.length > 0) {
    const names = Object.keys(NAMED_RANGES).join(', ');
    throw new UserError(
      `--trust-proxy: expected an IP address, a CIDR range such as 10.0.0.0/8, or one of ${names}, found ${range}`,
    );
  }
  return { address, bits, family };
}

/** `::ffff:10.0.0.1` is how a socket for both families shows 10.0.0.1. */
const withoutIPv4Prefix = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** Without what some proxies write into `X-Forwarded-For` as well: a port, which would make each connection a client. */
function plainAddress(address: string): string {
  const withoutPort = /^(?:(\d+\.\d+\.\d+\.\d+):\d+|\[([^\]]+)\](?::\d+)?)$/.exec(address);
  return withoutIPv4Prefix(withoutPort?.[1] ?? withoutPort?.[2] ?? address);
}
