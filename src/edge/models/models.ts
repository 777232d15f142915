import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../base/errors.js';
import { MANIFEST_FILE } from '../../bundle/manifest.js';
import { readManifest } from '../../bundle/read-bundle.js';
import type { WebFolder } from '../web-folder.js';
import { type Model, type ModelOptions, openModel } from './model.js';
import type { BundleSource } from './tail-messages.js';

/** What happens to the models while they serve. */
export interface ModelEvents {
  /** A batch was computed. */
  batch(model: string, images: number, ms: number): void;
  /** Another version serves now, and new requests go to it. */
  replaced(model: string, version: string): void;
  /** A bundle that was put in the place of another is of no use; the other goes on. */
  refused(model: string, folder: string, reason: string): void;
}

/** The models of a server, each by its name. */
export interface Models {
  readonly names: readonly string[];
  /** The version that serves now. */
  get(name: string): Model | undefined;
  /** Web folder of a version: of the one that serves now, or of the one before it, for pages that began with that. */
  web(name: string, version: string): WebFolder | undefined;
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
  before?: { readonly version: string; readonly web: WebFolder };
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
  const uses = new Map<Model, Set<Promise<unknown>>>();
  const retired = new Set<Promise<void>>();
  let reloading: Promise<void> = Promise.resolve();

  const open = async (source: BundleSource): Promise<Place> => {
    const stamp = typeof source === 'string' ? await stampOf(source) : undefined;
    const current: Model = await openModel(source, options, (images, ms) => events.batch(current.name, images, ms));
    return { source, current, stamp };
  };

  const opened = await Promise.allSettled(sources.map(open));
  const places = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    for (const result of opened) if (result.status === 'rejected') throw result.reason;
    refuseTwins(places.map(({ current }) => current.name));
  } catch (thrown) {
    await Promise.all(places.map(({ current }) => current.close()));
    throw thrown;
  }
  const byName = new Map(places.map((place) => [place.current.name, place]));

  /** Frees a model once the last request has left it. */
  const retire = (model: Model): void => {
    const closed = Promise.allSettled(uses.get(model) ?? []).then(() => model.close());
    retired.add(closed);
    void closed.finally(() => {
      retired.delete(closed);
      uses.delete(model);
    });
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
    place.before = { version: old.version, web: old.web };
    retire(old);
    events.replaced(place.current.name, place.current.version);
  };

  return {
    names: places.map(({ current }) => current.name),
    get: (name) => byName.get(name)?.current,
    web(name, version) {
      const place = byName.get(name);
      if (place?.current.version === version) return place.current.web;
      return place?.before?.version === version ? place.before.web : undefined;
    },
    using(model, work) {
      const running = uses.get(model) ?? new Set();
      uses.set(model, running);
      const done = work().finally(() => running.delete(done));
      running.add(done);
      return done;
    },
    reload() {
      reloading = reloading.then(async () => {
        for (const place of places) await renew(place);
      });
      return reloading;
    },
    async close() {
      await reloading;
      for (const { current } of places) retire(current);
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

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, i) => names.indexOf(name) !== i);
  if (twin) throw new UserError(`expected bundles of different names, found two of ${twin}; export one with another`);
}
