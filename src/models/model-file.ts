import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../base/errors.js';
import { readFileOrExplain } from '../base/files.js';
import { sha256 } from '../base/hash.js';
import { useEntry } from '../datasets/cache/in-use.js';
import { makeRoom } from '../datasets/cache/make-room.js';
import { DownloadError, download } from '../datasets/download.js';
import type { Progress } from '../datasets/fetch.js';
import { cacheFolder } from '../datasets/locations.js';
import { isModelName, PACKAGE_MODELS, type PretrainedModel, pretrainedModel } from './catalog.js';

/** Where a network's file was found. */
export interface ModelFile {
  readonly path: string;
  readonly origin: 'built in' | 'cache';
}

export interface FetchModelOptions {
  /** Default: the process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const cachedPath = ({ file }: PretrainedModel, env?: NodeJS.ProcessEnv): string =>
  join(cacheFolder(env), 'models', file);

/** Marks the network's entry in the cache as in use: the folder of its file. */
const useModel = ({ file }: PretrainedModel, env?: NodeJS.ProcessEnv): (() => void) =>
  useEntry(cacheFolder(env), `models/${dirname(file)}`);

/** The network's file in the package or in the cache, if it is there. */
export function findModelFile(model: PretrainedModel, env?: NodeJS.ProcessEnv): ModelFile | undefined {
  const builtIn = join(PACKAGE_MODELS, model.file);
  if (existsSync(builtIn)) return { path: builtIn, origin: 'built in' };
  const cached = cachedPath(model, env);
  return existsSync(cached) ? { path: cached, origin: 'cache' } : undefined;
}

/**
 * Makes sure that a network's file is on this machine and correct: verifies it, or downloads it into the cache.
 *
 * @returns where it is, and whether it was downloaded now
 * @throws UserError if it has another checksum, or no source sent it
 */
export async function fetchModel(
  model: PretrainedModel,
  { env, signal, onProgress }: FetchModelOptions = {},
): Promise<ModelFile & { readonly downloaded: boolean }> {
  const { name, file, bytes, sha256: expected, sources } = model;
  const found = findModelFile(model, env);
  if (found) {
    const hash = sha256(readFileOrExplain(found.path, 'a pretrained network'));
    if (hash === expected) return { ...found, downloaded: false };
    throw new UserError(
      `${found.path}: expected SHA-256 ${expected}, found ${hash}; remove the file and fetch it again`,
    );
  }
  const path = cachedPath(model, env);
  makeRoom(cacheFolder(env), bytes, name, 'give the path of a file with --init-from');
  const release = useModel(model, env);
  try {
    await download({
      urls: sources.map((source) => source + file),
      ...{ path, bytes, sha256: expected, signal },
      onProgress: (received) => onProgress?.({ file, received, total: bytes }),
    });
  } catch (thrown) {
    if (!(thrown instanceof DownloadError)) throw thrown;
    throw new UserError(
      `${name} is not here and could not be downloaded (${thrown.message || 'it has no sources'}); put its file into ` +
        `${dirname(path)}, or give the path of one with --init-from`,
    );
  } finally {
    release();
  }
  return { path, origin: 'cache', downloaded: true };
}

/**
 * The file that a run starts from: a path as it is, a name of the catalogue as the path of its file.
 *
 * @throws UserError if the name is unknown, or its file isn't on this machine
 */
export function startFile(initFrom: string, env?: NodeJS.ProcessEnv): string {
  if (!isModelName(initFrom)) return initFrom;
  const model = pretrainedModel(initFrom);
  useModel(model, env); // until the process ends
  const found = findModelFile(model, env);
  if (found) return found.path;
  throw new UserError(`${initFrom} is not on this machine; "lcdnn models fetch ${initFrom}" downloads it`);
}
