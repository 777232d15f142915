import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findPython, isOlder } from './find-python.js';
import { launchOf } from './launch.js';

const folder = mkdtempSync(join(tmpdir(), 'lcdnn-python-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that ignores its arguments and runs this line of shell. */
function program(line: string): string {
  const path = join(mkdtempSync(join(folder, 'at-')), 'python');
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
  return path;
}

const all = { python: '3.11.2', torch: '2.1.0+cu121', numpy: '1.26', safetensors: '0.4.1', devices: ['cpu', 'cuda'] };
const answering = (change: object): string => program(`echo '${JSON.stringify({ ...all, ...change })}'`);

it('takes a Python that has what it takes', async () => {
  const path = answering({});
  expect(await findPython(path, 'cuda')).toEqual({ path, torch: '2.1.0+cu121', bfloat16: false });
});

it('says whether the device has bfloat16', async () => {
  const path = answering({ bfloat16: ['cuda'] });
  expect((await findPython(path, 'cuda')).bfloat16).toBe(true);
  expect((await findPython(path, 'cpu')).bfloat16).toBe(false);
});

it.each([
  ['no program', () => join(folder, 'none'), 'none: no such program'],
  ['one that fails', () => program('echo broken >&2; exit 3'), 'does not start (broken)'],
  ['no torch', () => answering({ torch: null }), 'Python 3.11.2 without torch.'],
  ['nothing of it', () => answering({ torch: null, numpy: null }), 'Python 3.11.2 without torch and numpy.'],
  ['an old torch', () => answering({ torch: '1.9.1' }), 'torch 1.9.1, older than 1.13.'],
  ['an old Python', () => answering({ python: '3.9.18' }), 'python 3.9.18, older than 3.10.'],
])('says in one line what is wrong with %s', async (_, make, fault) => {
  const message = await findPython(make(), 'cpu').catch(({ message }) => message);
  expect(message).toMatch(/^engine pytorch: expected a Python 3\.10 or newer with torch, .*pip install torch/);
  expect(message).toContain(fault);
  expect(message).not.toContain('\n');
});

it('names the devices there are', async () => {
  await expect(findPython(answering({}), 'mps')).rejects.toThrow(
    /expected device cpu or cuda with torch 2\.1.*found mps/,
  );
});

it('compares versions by number', () => {
  expect(isOlder('1.9', '1.13')).toBe(true);
  expect(isOlder('1.13.0a0', '1.13')).toBe(false);
  expect(isOlder('2', '1.13')).toBe(false);
  expect(isOlder('1', '1.13')).toBe(true);
});

it('says which launches do not fit together', () => {
  const batch = { batchSize: 12 };
  expect(launchOf({ processes: 2 }, batch)).toEqual({ processes: 2, nodes: 1, nodeRank: 0, rendezvous: undefined });
  expect(() => launchOf({ nodes: 2, nodeRank: 2 }, batch)).toThrow(/--node-rank: expected a number from 0 to 1 .* 2$/);
  expect(() => launchOf({ nodes: 2 }, batch)).toThrow('--rendezvous: expected HOST:PORT of the first of 2 nodes');
  expect(() => launchOf({ processes: 4 }, batch)).toThrow('--batch-size: expected a multiple of 8, to be shared by 4');
});
