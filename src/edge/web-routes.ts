import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UserError } from '../base/errors.js';
import type { Models } from './models/models.js';
import { acceptedEncoding, DEMO_PAGE, type WebFile } from './web-folder.js';

const ONE_YEAR = 31_536_000;
/** First segments of paths that models can't have, because the server uses them itself. */
const RESERVED = ['v2', 'metrics', 'lcdnn'];
/** Files are sent in pieces of this size, so that it can be seen whether a client reads them. */
const PIECE = 64 << 10;

/**
 * Routes of the web folders: at the root for a single model, under the models' names for several. The same files are also
 * available under `VERSION/`, where they never change, so that browsers can cache them.
 *
 * @throws UserError if a model has the name of a path that the server uses itself
 */
export function webRoutes(app: FastifyInstance, models: Models): void {
  const [only] = models.names.length === 1 ? models.names : [];

  const reserved = only === undefined && models.names.find((name) => RESERVED.includes(name));
  if (reserved) throw new UserError(`expected a bundle of another name, found ${reserved}; export it with --name`);

  const locate = (path: string): { file?: WebFile; immutable: boolean } => {
    const [name, ...rest] = only === undefined ? path.split('/') : [only, ...path.split('/')];
    if (!models.names.includes(name)) return { immutable: false }; // entry points have no pages
    const versioned = models.get(name, rest[0] ?? '');
    if (!versioned) return { file: models.get(name)?.web.get(rest.join('/')), immutable: false };
    const inFolder = rest.slice(1).join('/');
    return { file: versioned.web.get(inFolder === 'demo/' ? DEMO_PAGE : inFolder), immutable: true };
  };

  for (const name of models.names) {
    const root = only === undefined ? `/${name}` : '';
    for (const path of [`${root}/`, `${root}/demo`, ...(root ? [root] : [])])
      app.get(path, (_request, reply) => reply.redirect(`${root}/demo/`));
  }
  if (only === undefined) app.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(list(models)));
  app.get('/*', (request, reply) => {
    const path = request.url.split('?', 1)[0].slice(1);
    // A cross-origin isolated page starts a Worker only if the Worker's script has this header, too.
    if (/(^|\/)lcdnn-worker\.js$/.test(path)) reply.header('cross-origin-embedder-policy', 'require-corp');
    const { file, immutable } = locate(path);
    return sendFile(file, immutable, request, reply);
  });
}

/** Names are letters, digits and hyphens. */
function list({ names }: Models): string {
  const items = names.map((name) => `<li><a href="/${name}/demo/">${name}</a>`).join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>lcdnn</title><h1>Models</h1><ul>${items}</ul>`;
}

/**
 * Sends a file in the smallest encoding that the browser accepts, or 304 if the browser has it.
 *
 * @param immutable whether the content under this path never changes
 */
export async function sendFile(
  file: WebFile | undefined,
  immutable: boolean,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  if (!file) {
    reply.callNotFound();
    return reply;
  }
  const encoding = acceptedEncoding(request.headers['accept-encoding']);
  const packed = encoding && (await file.packed(encoding));
  const etag = packed ? `"${file.hash}-${encoding}"` : `"${file.hash}"`;
  const vary = reply.getHeader('vary');
  reply.headers({
    etag,
    // Plain names are revalidated every time, so that files of two exports never meet in one page.
    'cache-control': immutable ? `public, max-age=${ONE_YEAR}, immutable` : 'no-cache',
    // Without `origin` if it makes no difference: a page requests its module with an origin and its Worker without, and the
    // Worker must find the file in the cache.
    vary: vary ? `${vary}, accept-encoding` : 'accept-encoding',
  });
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
  if (packed) reply.header('content-encoding', encoding);
  const bytes = packed ?? file.bytes;
  reply.type(file.type).header('content-length', bytes.length);
  return reply.send(bytes.length <= PIECE || request.method === 'HEAD' ? bytes : Readable.from(piecesOf(bytes)));
}

/** Whether `If-None-Match` (RFC 9110, 13.1.2) matches: `*`, or a list of tags that are compared without the weakness mark. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const tags = header.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => tag.replace(/^W\//, '') === etag);
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
