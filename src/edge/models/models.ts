import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../base/errors.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import { readManifest } from '../../bundle/read-bundle.js';
import { type Model, type ModelOptions, openModel } from './model.js';
import { createReferenceCounts } from './reference-count.js';
import type { BundleSource } from './tail-messages.js';

/** Events of models while they serve. */
export interface ModelEvents {
  /** A batch was computed. */
  batch(model: string, images: number, ms: number): void;
  /** The thread of its tail died. It restarts after `pauseMs` milliseconds; undefined: it is given up. */
  died(model: string, error: Error, pauseMs: number | undefined): void;
  restarted(model: string): void;
  /** Another version serves new requests. */
  replaced(model: string, version: string): void;
  /** A new bundle is invalid; the previous one keeps serving. */
  refused(model: string, folder: string, reason: string): void;
}

/** The models of a server, by name. */
export interface Models {
  /** The names of the bundles. */
  readonly names: readonly string[];
  /** The names of all entry points: the bundles' names first. */
  entries(): readonly string[];
  /** The model of a bundle or of an entry point. The current version; or a given one of the current and the previous version, for pages that started with it. */
  get(name: string, version?: string): Model | undefined;
  /** The available versions, the current one last. */
  versions(name: string): readonly string[];
  /** Runs work with a model, which stays open until the work is done. */
  using<Result>(model: Model, work: () => Promise<Result>): Promise<Result>;
  /** Checks whether folders contain new bundles, and serves those. */
  reload(): Promise<void>;
  /** Waits until all requests are answered, then closes everything. */
  close(): Promise<void>;
}

interface ServedBundle {
  readonly source: BundleSource;
  current: Model;
  before?: Model;
  /** Identifies the manifest that was read last. */
  stamp?: string;
  /** Why the folder's current content was refused. It is tried again, because copying may not be complete yet. */
  refused?: string;
}

/** @throws UserError if a bundle differs from its manifest, or two bundles have the same name */
export async function openModels(
  sources: readonly BundleSource[],
  options: ModelOptions,
  events: ModelEvents,
): Promise<Models> {
  const references = createReferenceCounts<Model>();
  const retired = new Set<Promise<void>>();
  let reloading: Promise<void> = Promise.resolve();
  let isClosed = false;

  const open = async (source: BundleSource): Promise<ServedBundle> => {
    const stamp = typeof source === 'string' ? await stampOf(source) : undefined;
    const current: Model = await openModel(source, options, {
      batch: events.batch,
      died: (error, pauseMs) => events.died(current.name, error, pauseMs),
      restarted: () => events.restarted(current.name),
    });
    return { source, current, stamp };
  };

  const opened = await Promise.allSettled(sources.map(open));
  const served = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    for (const result of opened) if (result.status === 'rejected') throw result.reason;
    requireUniqueNames(served.flatMap(({ current }) => [current, ...current.entries].map(({ name }) => name)));
  } catch (thrown) {
    await Promise.all(served.map(({ current }) => current.close()));
    throw thrown;
  }
  const names = served.map(({ current }) => current.name);
  const find = (version: Model | undefined, name: string): Model | undefined =>
    version && [version, ...version.entries].find((model) => model.name === name);
  const slotOf = (name: string): ServedBundle | undefined =>
    served.find(({ current, before }) => find(current, name) ?? find(before, name));

  /** Closes a model after its last request. */
  const retire = (model: Model): void => {
    const ended = Promise.all([model, ...model.entries].map(references.ended));
    const closed = ended.then(() => model.close());
    retired.add(closed);
    void closed.finally(() => retired.delete(closed));
  };

  const renew = async (slot: ServedBundle): Promise<void> => {
    if (typeof slot.source !== 'string') return;
    const stamp = await stampOf(slot.source);
    // Between two renames, the folder is missing for a moment.
    if (stamp === undefined || stamp === slot.stamp) return;
    const old = slot.current;
    try {
      const { name, version } = readManifest(slot.source);
      if (version === old.version) {
        slot.stamp = stamp;
        return;
      }
      if (name !== old.name) throw new UserError(`expected another version of ${old.name}, found ${name}`);
      Object.assign(slot, await open(slot.source), { refused: undefined });
    } catch (thrown) {
      const reason = messageOf(thrown);
      if (reason !== slot.refused) events.refused(old.name, slot.source, reason);
      slot.refused = reason;
      return;
    }
    if (slot.before) retire(slot.before);
    slot.before = old;
    events.replaced(slot.current.name, slot.current.version);
  };

  return {
    names,
    entries: () => served.flatMap(({ current }) => [current, ...current.entries].map(({ name }) => name)),
    get(name, version) {
      const { current, before } = slotOf(name) ?? {};
      if (version === undefined) return find(current, name);
      return [current, before].map((model) => find(model, name)).find((model) => model?.version === version);
    },
    versions(name) {
      const { current, before } = slotOf(name)!;
      return [before, current].flatMap((model) => find(model, name)?.version ?? []);
    },
    using: references.during,
    reload() {
      reloading = reloading.then(async () => {
        for (const slot of served) if (!isClosed) await renew(slot);
      });
      return reloading;
    },
    async close() {
      isClosed = true; // what was opened from now on would never be closed
      await reloading;
      for (const { current, before } of served)
        for (const model of before ? [before, current] : [current]) retire(model);
      await Promise.all(retired);
    },
  };
}

/** Identifies a manifest on disk; undefined if there is none. */
async function stampOf(folder: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(join(folder, MANIFEST_FILE));
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

function requireUniqueNames(names: readonly string[]): void {
  const duplicate = names.find((name, i) => names.indexOf(name) !== i);
  if (duplicate)
    throw new UserError(
      `expected bundles with different names, found ${duplicate} twice; export one of them with another --name`,
    );
}
