import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { messageOf } from '../../../src/base/errors.js';
import type { JointNetwork } from '../../../src/network/layers.js';

const TENSORFLOW = 'tensorflow-cpu==2.21.0';
const SCRIPT = fileURLToPath(new URL('make_tflite.py', import.meta.url));
/** Stays for the next benchmark: 1.6 GB, installed in two minutes. */
const FOLDER = fileURLToPath(new URL('../../../node_modules/.cache/tensorflow', import.meta.url));
const PYTHON = join(FOLDER, 'bin', 'python');

/** Installs TensorFlow from PyPI. Returns why it can't, if so: then LiteRT.js is left out of the comparison. */
export function installTensorflow(): string | undefined {
  if (existsSync(PYTHON)) return undefined;
  console.error(`installing ${TENSORFLOW} in ${FOLDER}, to make models for LiteRT.js ...`);
  const quiet = { stdio: 'pipe' } as const;
  try {
    execFileSync('python3', ['-m', 'venv', FOLDER], quiet);
    execFileSync(PYTHON, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', TENSORFLOW], quiet);
    return undefined;
  } catch (thrown) {
    rmSync(FOLDER, { recursive: true, force: true }); // half an installation would pass for a whole one
    return `LiteRT.js is left out, because ${TENSORFLOW} can't be installed: ${messageOf(thrown).split('\n')[0]}`;
  }
}

/** Writes the full network as `NAME.tflite` (float32) and `NAME-int8.tflite` into a folder. */
export function writeLiteRtModels(
  network: { readonly input: readonly number[] } & Pick<JointNetwork, 'shared' | 'full'>,
  folder: string,
  name: string,
): void {
  mkdirSync(folder, { recursive: true });
  const description = join(folder, `${name}.json`);
  const layers = [...network.shared, ...network.full];
  writeFileSync(description, JSON.stringify({ input: network.input, layers }));
  const paths = [`${name}.tflite`, `${name}-int8.tflite`].map((file) => join(folder, file));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '-1' };
  execFileSync(PYTHON, [SCRIPT, description, ...paths], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Writes `litert.js`, LiteRT.js for pages, into a folder. */
export async function bundleLiteRt(folder: string): Promise<void> {
  const entry = fileURLToPath(new URL('run.ts', import.meta.url));
  await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', outfile: join(folder, 'litert.js') });
}
