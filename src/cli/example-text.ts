import { basename, dirname } from 'node:path';

interface Written {
  readonly folder: string;
  readonly isNew: boolean;
  readonly isBuilt: boolean;
}

/** Where an example page was written, and how it is opened. */
export function exampleText({ folder, isNew, isBuilt }: Written): string {
  const opened = isBuilt
    ? 'run "npm install && npm run dev" there'
    : `serve ${dirname(folder)} with any web server, and open ${basename(folder)}/`;
  return isNew ? `${folder}: an example page; ${opened}` : `${folder}: exists, and stays as it is`;
}
