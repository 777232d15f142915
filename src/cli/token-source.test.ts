import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { UserError } from '../base/errors.js';
import { createTokenSource } from './token-source.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-token-'));
const file = join(folder, 'token');
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());

it('is read from a file again when asked, and stays if the file is damaged', () => {
  writeFileSync(file, '  first\r\n');
  const source = createTokenSource(file);
  expect(source.current()).toBe('first');
  writeFileSync(file, 'second\n');
  source.reload();
  expect(source.current()).toBe('second');
  writeFileSync(file, '\n');
  expect(() => source.reload()).toThrow(UserError);
  expect(source.current()).toBe('second');
});

it('is read from the environment, with the same rules', () => {
  vi.stubEnv('LCDNN_TOKEN', undefined);
  expect(createTokenSource(undefined).current()).toBeUndefined();
  vi.stubEnv('LCDNN_TOKEN', ' secret ');
  expect(createTokenSource(undefined).current()).toBe('secret');
  for (const empty of ['', '  ']) {
    vi.stubEnv('LCDNN_TOKEN', empty);
    expect(() => createTokenSource(undefined)).toThrow('LCDNN_TOKEN: expected a token, found nothing');
  }
});

it('can be sent in a header', () => {
  writeFileSync(file, 'two words');
  expect(() => createTokenSource(file)).toThrow(/expected a token, found spaces/);
});
