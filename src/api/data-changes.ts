import type { DataRecord, RecordedImage } from '../run/data-record.js';

/** How the images of a data set differ from those that a run was trained on. */
export interface DataChanges {
  /** Paths in the folder. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Files of the same name with another content. */
  readonly changed: readonly string[];
  /** Of the same content, in another class. */
  readonly relabelled: readonly string[];
  /** Of the same content, moved between training and testing. */
  readonly moved: readonly string[];
  /** All of it in one line. */
  readonly text: string;
}

/** Paths named for each kind of change. */
const EXAMPLES = 3;

/** Compares by content: a file that was only renamed is no change. Nothing is returned if nothing has changed. */
export function dataChanges(before: DataRecord, now: DataRecord): DataChanges | undefined {
  if (before.fingerprint === now.fingerprint) return undefined;
  const none = { added: [], removed: [], changed: [], relabelled: [], moved: [] };
  if (!before.files || !now.files) return { ...none, text: `the files of ${now.dataset} have another content` };
  const [old, present] = [byHash(before.files), byHash(now.files)];
  const added = extra(now.files, old);
  const removed = extra(before.files, present);
  const addedPaths = new Set(added);
  const changed = removed.filter((path) => addedPaths.has(path));
  const isChanged = new Set(changed);
  const both = now.files.flatMap((image) => {
    const former = old.get(image[1])?.[0];
    return former ? [{ former, image }] : [];
  });
  const pathsWhere = (differ: (former: RecordedImage, image: RecordedImage) => boolean): string[] =>
    both.filter(({ former, image }) => differ(former, image)).map(({ image }) => image[0]);
  const changes = {
    added: added.filter((path) => !isChanged.has(path)),
    removed: removed.filter((path) => !isChanged.has(path)),
    changed,
    relabelled: pathsWhere((former, image) => former[2] !== image[2]),
    moved: pathsWhere((former, image) => (former[3] === 'test') !== (image[3] === 'test')),
  };
  const text = [
    line('new', changes.added),
    line('missing', changes.removed),
    line('with another content', changes.changed),
    line('in another class', changes.relabelled),
    line('moved between training and testing', changes.moved),
  ].filter((part) => part !== undefined);
  return { ...changes, text: text.join('; ') };
}

function line(what: string, paths: readonly string[]): string | undefined {
  if (paths.length === 0) return undefined;
  const more = paths.length > EXAMPLES ? ', ...' : '';
  return `${paths.length} ${paths.length === 1 ? 'image' : 'images'} ${what} (${paths.slice(0, EXAMPLES).join(', ')}${more})`;
}

/** Paths of images whose content the others lack, or have fewer copies of. */
function extra(images: readonly RecordedImage[], others: ReadonlyMap<string, readonly RecordedImage[]>): string[] {
  const counts = new Map<string, number>();
  return images.flatMap(([path, hash]) => {
    const count = (counts.get(hash) ?? 0) + 1;
    counts.set(hash, count);
    return count > (others.get(hash)?.length ?? 0) ? [path] : [];
  });
}

function byHash(images: readonly RecordedImage[]): Map<string, RecordedImage[]> {
  const groups = new Map<string, RecordedImage[]>();
  for (const image of images) {
    const group = groups.get(image[1]);
    if (group) group.push(image);
    else groups.set(image[1], [image]);
  }
  return groups;
}
