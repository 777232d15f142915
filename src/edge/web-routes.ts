import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UserError } from '../base/errors.js';
import type { Models } from './models/models.js';
import { acceptedEncoding, DEMO_PAGE, type WebFile } from './web-folder.js';

const ONE_YEAR = 31_536_000;
/** First parts of paths that are not the models'. */
const TAKEN = ['v2', 'metrics', 'lcdnn'];

/**
 * The web folders of the models: that of a single one at the root, those of several under their names. The same files
 * are under `VERSION/` as well, for ever the same, so that browsers need not ask for them again.
 *
 * @throws UserError where a model is named as a path that is there already
 */
export function webRoutes(app: FastifyInstance, models: Models): void {
  const [only] = models.names.length === 1 ? models.names : [];

  const taken = only === undefined && models.names.find((name) => TAKEN.includes(name));
  if (taken) throw new UserError(`expected a bundle of another name, found ${taken}; export it with --name`);

  const locate = (path: string): { file?: WebFile; immutable: boolean } => {
    const [name, ...rest] = only === undefined ? path.split('/') : [only, ...path.split('/')];
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
    const { file, immutable } = locate(request.url.split('?', 1)[0].slice(1));
    return sendFile(file, immutable, request, reply);
  });
}

/** Names are letters, digits and hyphens. */
function list({ names }: Models): string {
  const items = names.map((name) => `<li><a href="/${name}/demo/">${name}</a>`).join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>lcdnn</title><h1>Models</h1><ul>${items}</ul>`;
}

/** Sends a file in the smallest encoding that the browser takes, or says that it has it. @param immutable under this path for ever */
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
    // Under its plain name, ask every time: files of two exports must not meet in one page.
    'cache-control': immutable ? `public, max-age=${ONE_YEAR}, immutable` : 'no-cache',
    // No origin where it changes nothing: a page's module is asked for with it and its Worker's without, and the Worker
    // finds the file in the cache.
    vary: vary ? `${vary}, accept-encoding` : 'accept-encoding',
  });
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  if (packed) reply.header('content-encoding', encoding);
  return reply.type(file.type).send(packed ?? file.bytes);
}
