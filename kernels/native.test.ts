import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const CPP = fileURLToPath(new URL('cpp/', import.meta.url));
const FLAGS =
  '-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -std=c++20 -Wall -Wextra -Werror -Wno-psabi -ffp-contract=off -Iinclude';

const compiler = spawnSync('g++', ['--version']).status === 0;

// cpp/test/fuzz.cpp under the sanitizers: the only place where a read beyond a buffer is seen.
describe.skipIf(!compiler)(`native kernels${compiler ? '' : ' (skipped: no g++; apt-get install -y g++)'}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lcdnn-native-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    ['scalar', []],
    ['simd128', ['-DLCDNN_SIMD128=1']],
  ])(
    '%s equals the reference on random shapes, within its buffers',
    (name, flags) => {
      const program = join(folder, name);
      const sources = readdirSync(join(CPP, 'src'))
        .filter((file) => file.endsWith('.cpp'))
        .map((file) => join('src', file));
      const compiled = run('g++', [...FLAGS.split(' '), ...flags, ...sources, 'test/fuzz.cpp', '-o', program]);
      expect(compiled).toEqual({ status: 0, stderr: '' });
      expect(run(program, [])).toEqual({ status: 0, stderr: '' });
    },
    600_000,
  );
});

function run(command: string, args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(command, args, { cwd: CPP, encoding: 'utf8' });
  return { status, stderr };
}
