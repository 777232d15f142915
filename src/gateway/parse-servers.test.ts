import { expect, it } from 'vitest';
import { UserError } from '../base/errors.js';
import { parseServers } from './parse-servers.js';

it('takes addresses with and without scheme, and one capacity for all or one for each', () => {
  expect(parseServers(['a:8080', 'https://b/'], '16')).toEqual([
    { origin: 'http://a:8080', capacity: 16 },
    { origin: 'https://b', capacity: 16 },
  ]);
  expect(parseServers(['a', 'b'], '8, 2').map(({ capacity }) => capacity)).toEqual([8, 2]);
});

it.each<[string[], string, RegExp]>([
  [['ftp://x'], '1', /such as http:\/\/10\.0\.0\.2:8080, found ftp:\/\/x$/],
  [['http://x/path'], '1', /found http:\/\/x\/path$/],
  [['http://me:secret@x'], '1', /expected the address of a server/],
  [[''], '1', /expected the address of a server/],
  [['x:1', 'http://x:1'], '1', /expected each server once, found http:\/\/x:1 twice/],
  [['x'], '-5', /--capacity: expected whole numbers from 1 .*found -5/],
  [['x'], '1.5', /found 1\.5/],
  [['x', 'y'], '1,', /found 1,$/],
  [['x'], '1,2', /--capacity: expected one number, or 1 for 1 servers, found 2/],
])('refuses %j with capacity %s', (addresses, capacity, line) => {
  expect(() => parseServers(addresses, capacity)).toThrow(UserError);
  expect(() => parseServers(addresses, capacity)).toThrow(line);
});
