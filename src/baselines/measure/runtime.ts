import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { FILES_PATH } from './host-messages.js';

const FILES = ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm'];
const FOLDER = 'runtime/';

/** Path of ONNX Runtime Web on the host. */
export const RUNTIME_PATH = `${FILES_PATH}${FOLDER}`;

/** The files of ONNX Runtime Web by path on the host. @throws UserError if it isn't installed */
export function runtimeFiles(): Map<string, Uint8Array> {
  const require = createRequire(import.meta.url);
  let folder: string;
  try {
    folder = dirname(require.resolve('onnxruntime-web'));
  } catch {
    throw new UserError(
      'expected the package onnxruntime-web, found none; install it beside lcdnn: npm install onnxruntime-web',
    );
  }
  return new Map(FILES.map((file) => [`${FOLDER}${file}`, readFileSync(join(folder, file))]));
}
