import { describe, expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { addressMatcher, clientOf } from './client-address.js';

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::ffff:0:0:2', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['192.0.2.1:4711', '192.0.2.1'],
  ['[2001:db8:1:2::9]:4711', '2001:db8:1:2::/64'],
  ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
  [undefined, ''],
])('%s counts as the client %s', (address, client) => expect(clientOf(address)).toBe(client));

describe('a list of trusted proxies', () => {
  it.each([
    ['10.1.2.3', ['10.0.0.0/8'], true],
    ['::ffff:10.1.2.3', ['10.0.0.0/8'], true],
    ['11.1.2.3', ['10.0.0.0/8'], false],
    ['192.0.2.1', ['192.0.2.1'], true],
    ['192.0.2.2', ['192.0.2.1'], false],
    ['2001:db8::5', ['2001:db8::/32'], true],
    ['127.0.0.9', ['loopback'], true],
    ['::1', ['loopback'], true],
    ['172.31.0.1', ['uniquelocal'], true],
    ['10.1.2.3', ['::ffff:10.0.0.0/104'], true],
    ['11.1.2.3', ['::ffff:10.0.0.0/104'], false],
    ['192.0.2.1', ['::FFFF:192.0.2.1'], true],
    ['192.0.2.1:80', ['192.0.2.1'], true],
    ['not an address', ['0.0.0.0/0'], false],
  ])('%s in %j: %s', (address, ranges, expected) => expect(addressMatcher(ranges)(address)).toBe(expected));

  it.each([
    'proxy.example',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0',
    '',
    '::/129',
    '10.0.0.0/-1',
    '::ffff:10.0.0.0/8',
  ])('refuses %j', (range) => {
    expect(() => addressMatcher([range])).toThrow(UserError);
    expect(() => addressMatcher([range])).toThrow(/--trust-proxy: expected an IP address, a CIDR range/);
  });
});
