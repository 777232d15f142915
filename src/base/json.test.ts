import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { UserError } from './errors.js';
import { readJson } from './json.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-json-'));
afterAll(() => rmSync(folder, { recursive: true }));

const schema = z.strictObject({
  share: z.number().min(0).max(1),
  names: z.array(z.string()).min(1).optional(),
  kind: z.enum(['full', 'branch']).optional(),
  form: z.union([z.string(), z.strictObject({ a: z.number() })]).optional(),
});

function read(text: string) {
  const path = join(folder, 'x.json');
  writeFileSync(path, text);
  return readJson(path, schema, 'what "lcdnn x" writes', 'run it again');
}

it('gives the values of the schema', () => {
  expect(read('{ "share": 0.5, "names": ["a"] }')).toEqual({ share: 0.5, names: ['a'] });
});

it.each([
  ['{', /found text that isn't JSON \(.+\); run it again$/],
  ['{\n"share":\n,}', /found text that isn't JSON \(.+\); run it again$/],
  ['[]', /found \[\] \(expected an object\); run it again$/],
  ['{}', /found nothing at share \(expected a number\);/],
  ['{ "share": "high" }', /found "high" at share \(expected a number\);/],
  ['{ "share": 1.5 }', /found 1\.5 at share \(expected a number up to 1\);/],
  ['{ "share": -1 }', /found -1 at share \(expected a number from 0\);/],
  ['{ "share": 1, "names": [] }', /found \[\] at names \(expected a list of a length from 1\);/],
  ['{ "share": 1, "names": ["a", 2] }', /found 2 at names\.1 \(expected text\);/],
  ['{ "share": 1, "kind": "none" }', /found "none" at kind \(expected one of full, branch\);/],
  ['{ "share": 1, "other": 1 }', /found the unknown key other;/],
  ['{ "share": 1, "form": 2 }', /found 2 at form \(.+\);/],
  [`{ "share": "${'x'.repeat(1000)}" }`, /found "x{59}… at share/],
])('explains %s in one line', (text, message) => {
  expect(() => read(text)).toThrow(UserError);
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow(/x\.json: expected what "lcdnn x" writes, found /);
  expect(() => read(text)).not.toThrow(/\n/);
});

it('explains a missing file', () => {
  expect(() => readJson(join(folder, 'none.json'), schema, 'a grid file')).toThrow(
    /none\.json: expected a grid file, found: no such file/,
  );
});
