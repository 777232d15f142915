import { extname } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { sha256 } from '../base/hash.js';
import { isOfEdge, MANIFEST_FILE, type Manifest, pageManifest } from '../bundle/manifest.js';

const MEDIA_TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.ts': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

const ENCODINGS = ['br', 'gzip'] as const;
export type ContentEncoding = (typeof ENCODINGS)[number];

export interface WebFile {
  readonly type: string;
  /** Hash of the uncompressed bytes. */
  readonly hash: string;
  readonly bytes: Buffer;
  /** Its bytes in an encoding, compressed once; undefined if that isn't smaller. */
  packed(encoding: ContentEncoding): Promise<Buffer | undefined>;
}

/** The files of a bundle that pages may read, by path. `demo/` is the demo page with versioned references to its files. */
export type WebFolder = ReadonlyMap<string, WebFile>;

const DEMO = 'demo/';
export const DEMO_PAGE = 'demo/index.html';

/**
 * Creates the web folder of a bundle: exactly the manifest and the files it lists, in memory, so that no path leads
 * anywhere else. The files of the edge aren't included, because pages don't need them.
 */
export function createWebFolder(manifest: Manifest, files: ReadonlyMap<string, Uint8Array>): WebFolder {
  const folder = new Map<string, WebFile>();
  for (const [path, bytes] of files) if (!isOfEdge(path)) folder.set(path, webFile(path, bytes));
  const page = folder.get(DEMO_PAGE);
  if (page) folder.set(DEMO, webFile(DEMO_PAGE, Buffer.from(versioned(String(page.bytes), manifest))));
  return folder.set(MANIFEST_FILE, webFile(MANIFEST_FILE, Buffer.from(JSON.stringify(pageManifest(manifest)))));
}

/** The demo page with references to the versioned files, which browsers cache. The page itself is always revalidated. */
function versioned(page: string, { version, files }: Manifest): string {
  return page.replaceAll(/(?<= (?:href|src)=")[^"]+(?=")/g, (reference) => {
    const path = new URL(reference, `file:///${DEMO}`).pathname.slice(1);
    return path === MANIFEST_FILE || Object.hasOwn(files, path) ? `../${version}/${path}` : reference;
  });
}

/** Compresses every file in every encoding, one after another, before the first request. */
export async function packAll(folder: WebFolder): Promise<void> {
  for (const file of folder.values()) for (const encoding of ENCODINGS) await file.packed(encoding);
}

/** The media type of a file, by its extension. */
export const mediaType = (path: string): string => MEDIA_TYPES[extname(path)] ?? 'application/octet-stream';

/** A file to send to pages. Its extension determines the media type. */
export function webFile(path: string, content: Uint8Array): WebFile {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const type = mediaType(path);
  const made = new Map<ContentEncoding, Promise<Buffer | undefined>>();
  const pack = async (encoding: ContentEncoding) => {
    if (type === 'image/png') return undefined;
    const packed = await compress[encoding](bytes);
    return packed.length < bytes.length ? packed : undefined;
  };
  return {
    type,
    hash: sha256(bytes).slice(0, 32),
    bytes,
    packed(encoding) {
      const packed = made.get(encoding) ?? pack(encoding);
      made.set(encoding, packed);
      return packed;
    },
  };
}

const compress: Record<ContentEncoding, (bytes: Buffer) => Promise<Buffer>> = {
  // The best compression for files that a page waits for. For large weights, it would take seconds.
  br: (bytes) => {
    const quality = bytes.length < 1_000_000 ? constants.BROTLI_MAX_QUALITY : 6;
    return promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } });
  },
  gzip: (bytes) => promisify(gzip)(bytes, { level: bytes.length < 1_000_000 ? 9 : 6 }),
};

/** Chooses an encoding from the `Accept-Encoding` header of a request. */
export function acceptedEncoding(header = ''): ContentEncoding | undefined {
  // Without regular expressions: on a long row of spaces, they could take seconds.
  const accepted = header.split(',').map((item) => item.split(';').map((part) => part.trim().toLowerCase()));
  return ENCODINGS.find((encoding) =>
    accepted.some(([name, weight]) => name === encoding && !/^q=0(\.0*)?$/.test(weight ?? '')),
  );
}
