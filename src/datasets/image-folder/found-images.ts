/** An image file, as a path in its folder, with the name of its class. */
export interface LabelledFile {
  readonly file: string;
  readonly label: string;
}

/** Paths in the folder by class. */
export type ByClass = ReadonlyMap<string, readonly string[]>;

/** The images of a folder, according to its layout. */
export interface FoundImages {
  /** For example "train/CLASS and val/CLASS". */
  readonly layout: string;
  readonly train: ByClass;
  readonly test?: { readonly name: string; readonly images: ByClass };
  /** If a table names the images: all of its rows, in order. */
  readonly rows?: readonly LabelledFile[];
}

export function groupByClass(rows: readonly LabelledFile[]): ByClass {
  const files = new Map<string, string[]>();
  for (const { file, label } of rows) {
    const ofClass = files.get(label);
    if (ofClass) ofClass.push(file);
    else files.set(label, [file]);
  }
  return files;
}
