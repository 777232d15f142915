import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tailModel } from '../../src/export/float-model.js';
import { UPLINKS } from '../../src/export/uplink/encoding.js';
import { randomParameters } from '../small-network.js';
import { TINY_ZOO } from '../zoo.js';
import { zooEncoding } from '../zoo-bundle.js';

const PYTHON = '/usr/bin/python3';
const CHECK = `import sys, onnx
for path in sys.argv[1:]:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    print(path)`;
const installed = spawnSync(PYTHON, ['-c', 'import onnx']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'lcdnn-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.skipIf(!installed)(
  "every network's tail, for everything that may be sent, passes onnx's own checker (Debian's python3-onnx)",
  () => {
    const paths = TINY_ZOO.flatMap(([title, network], i) =>
      UPLINKS.map((uplink) => {
        const path = join(folder, `${i}-${title.replaceAll(/\W+/g, '-')}-${uplink}.onnx`);
        const state = randomParameters(network, 1);
        writeFileSync(path, tailModel(network, state, zooEncoding(network, state, uplink)));
        return path;
      }),
    );
    expect(
      execFileSync(PYTHON, ['-c', CHECK, ...paths], { encoding: 'utf8' })
        .trim()
        .split('\n'),
    ).toEqual(paths);
  },
);

it.skipIf(!installed)('that checker refuses a tail whose shapes contradict each other', () => {
  const [, network] = TINY_ZOO[0];
  const state = randomParameters(network, 1);
  const kernel = state['full.fc2.kernel'];
  const wrong = { ...state, 'full.fc2.kernel': { ...kernel, shape: [...kernel.shape].reverse() } };
  const path = join(folder, 'wrong.onnx');
  writeFileSync(path, tailModel(network, wrong));
  expect(spawnSync(PYTHON, ['-c', CHECK, path], { encoding: 'utf8' }).stderr).toMatch(/[Ii]nfer/);
});
