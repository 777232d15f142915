import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../base/errors.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import { readManifest } from '../../bundle/read-bundle.js';
import { type Model, type ModelOptions, openModel } from './model.js';
import { createReferenceCounts } from './reference-count.js';
import type { BundleSource } from './tail-messages.js';

/** What happens to the models while they serve. */
export interface ModelEvents {
  /** A batch was computed. */
  batch(model: string, images: number, ms: number): void;
  /** The thread of its tail has died, and is started again after so many milliseconds; or given up, without. */
  died(model: string, error: Error, pauseMs: number | undefined): void;
  restarted(model: string): void;
  /** Another version serves now, and new requests go to it. */
  replaced(model: string, version: string): void;
  /** A bundle that was put in the place of another is of no use; the other goes on. */
  refused(model: string, folder: string, reason: string): void;
}

/** The models of a server, each by its name. */
export interface Models {
  readonly names: readonly string[];
  /** The version that serves now; or that version, of it and the one before it, for pages that began with that. */
  get(name: string, version?: string): Model | undefined;
  /** The versions that there are, the one that serves now last. */
  versions(name: string): readonly string[];
  /** Does work with the version that serves now, which stays until it is done. */
  using<Result>(model: Model, work: () => Promise<Result>): Promise<Result>;
  /** Looks whether folders hold another bundle than before, and goes over to those. */
  reload(): Promise<void>;
  /** Lets all that was asked be answered, and frees everything. */
  close(): Promise<void>;
}

interface Place {
  readonly source: BundleSource;
  current: Model;
  before?: Model;
  /** Of the manifest that was read last. */
  stamp?: string;
  /** Why what stands there now was refused. It is tried again: whoever copies it may not be done yet. */
  refused?: string;
}

/** @throws UserError where a bundle is not what its manifest says, or two have one name. */
export async function openModels(
  sources: readonly BundleSource[],
  options: ModelOptions,
  events: ModelEvents,
): Promise<Models> {
  const references = createReferenceCounts<Model>();
  const retired = new Set<Promise<void>>();
  let reloading: Promise<void> = Promise.resolve();

  const open = async (source: BundleSource): Promise<Place> => {
    const stamp = typeof source === 'string' ? await stampOf(source) : undefined;
    const current: Model = await openModel(source, options, {
      batch: (images, ms) => events.batch(current.name, images, ms),
      died: (error, pauseMs) => events.died(current.name, error, pauseMs),
      restarted: () => events.restarted(current.name),
    });
    return { source, current, stamp };
  };

  const opened = await Promise.allSettled(sources.map(open));
  const places = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    for (const result of opened) if (result.status === 'rejected') throw result.reason;
    requireUniqueNames(places.map(({ current }) => current.name));
  } catch (thrown) {
    await Promise.all(places.map(({ current }) => current.close()));
    throw thrown;
  }
  const byName = new Map(places.map((place) => [place.current.name, place]));

  /** Frees a model once the last request has left it. */
  const retire = (model: Model): void => {
    const closed = references.ended(model).then(() => model.close());
    retired.add(closed);
    void closed.finally(() => retired.delete(closed));
  };

  const renew = async (place: Place): Promise<void> => {
    if (typeof place.source !== 'string') return;
    const stamp = await stampOf(place.source);
    // Between two renames the folder is away for a moment.
    if (stamp === undefined || stamp === place.stamp) return;
    const old = place.current;
    try {
      const { name, version } = readManifest(place.source);
      if (version === old.version) {
        place.stamp = stamp;
        return;
      }
      if (name !== old.name) throw new UserError(`expected another version of ${old.name}, found ${name}`);
      Object.assign(place, await open(place.source), { refused: undefined });
    } catch (thrown) {
      const reason = messageOf(thrown);
      if (reason !== place.refused) events.refused(old.name, place.source, reason);
      place.refused = reason;
      return;
    }
    if (place.before) retire(place.before);
    place.before = old;
    events.replaced(place.current.name, place.current.version);
  };

  return {
    names: places.map(({ current }) => current.name),
    get(name, version) {
      const { current, before } = byName.get(name) ?? {};
      if (version === undefined) return current;
      return [current, before].find((model) => model?.version === version);
    },
    versions(name) {
      const { current, before } = byName.get(name)!;
      return [before, current].flatMap((model) => model?.version ?? []);
    },
    using: references.during,
    reload() {
      reloading = reloading.then(async () => {
        for (const place of places) await renew(place);
      });
      return reloading;
    },
    async close() {
      await reloading;
      for (const { current, before } of places)
        for (const model of before ? [before, current] : [current]) retire(model);
      await Promise.all(retired);
    },
  };
}

/** Tells a manifest on disk from the one that was there before; nothing where there is none. */
async function stampOf(folder: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(join(folder, MANIFEST_FILE));
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return undefined;
  }
}

function requireUniqueNames(names: readonly string[]): void {
  const twin = names.find((name, i) => names.indexOf(name) !== i);
  if (twin) throw new UserError(`expected bundles of different names, found two of ${twin}; export one with another`);
}
