import { expect, it } from 'vitest';
import { refuseNewerFormat } from './format-version.js';

const read = (value: unknown) => () => refuseNewerFormat(value, 2, 'x.json', 'a thing');

it.each([
  { format: 3 },
  { version: 3, other: 1 },
  { format: 'lcdnn-thing-10', version: '0.1.0' },
])('refuses %j', (value) => {
  expect(read(value)).toThrow(/x\.json: expected a thing in format 2 or earlier, found format (3|10), .* update lcdnn/);
});

it.each([
  { format: 2 },
  { format: 'lcdnn-thing-1' },
  { version: '7.0.0' },
  {},
  3,
  null,
  'lcdnn-thing-9',
])('leaves %j to the schema', (value) => {
  expect(read(value)).not.toThrow();
});
