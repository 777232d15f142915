import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { messageOf } from '../base/errors.js';
import type { CountMisuse } from './connections.js';
import type { Misuse } from './penalties.js';

/** A request that is refused. The client receives status and message. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  readonly retryAfterS?: number;
  readonly closesConnection?: boolean;

  /**
   * @param more seconds after which the client may try again, for the header `Retry-After`; and whether the connection is
   *   closed because the rest of the body won't be read
   */
  constructor(
    readonly statusCode: number,
    message: string,
    more: { readonly retryAfterS?: number; readonly closesConnection?: boolean } = {},
  ) {
    super(message);
    Object.assign(this, more);
  }
}

/** A body that is longer than any valid request. */
export const bodyTooLarge = (limitBytes: number): Refusal =>
  new Refusal(413, `body: expected at most ${limitBytes} bytes, found more`);

/** Methods that some route has. */
const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST'];

/**
 * Answers errors as the protocol requires. Errors of the server itself (500) are logged, and the client isn't told more.
 * Abusive requests are counted.
 */
export function answerErrors(app: FastifyInstance, countMisuse: CountMisuse): void {
  const refuseMethod = (reply: FastifyReply, method: string, allowed: readonly string[]) => {
    const allow = allowed.join(', ');
    const error = `expected ${allowed.length > 1 ? 'one of ' : ''}${allow}, found ${method}`;
    return reply.code(405).headers({ allow, connection: 'close' }).send({ error });
  };
  const methodsOf = listMethods(app);
  // Before the body is read: a method that no route has may require a body that this server would refuse first.
  app.addHook('onRequest', ({ method }, reply, done) => {
    if (METHODS.includes(method)) return done();
    refuseMethod(reply, method, METHODS);
  });
  app.setNotFoundHandler(({ method, url }, reply) => {
    const others = methodsOf(url.split('?')[0]);
    if (others.length > 0) return refuseMethod(reply, method, others);
    return reply.code(404).send({ error: `${method} ${url}: not found on this server` });
  });
  app.setErrorHandler(
    (error: FastifyError & Partial<Omit<Refusal, 'name'>> & { readonly misuse?: Misuse }, request, reply) => {
      const { statusCode: status = 500 } = error;
      const retryAfterS = error.retryAfterS ?? (status === 503 ? 1 : undefined);
      if (error.misuse) countMisuse(request.raw.socket, error.misuse);
      if (status === 500) request.log.error(error);
      if (status === 401) reply.header('www-authenticate', 'Bearer');
      if (status === 413 || error.closesConnection) reply.header('connection', 'close');
      if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS);
      return reply.code(status).send({ error: reasonFor(error, status, request.headers['content-type']) });
    },
  );
}

function reasonFor(error: FastifyError, status: number, contentType: string | undefined): string {
  if (status === 500) return 'the server failed; its log has the reason';
  if (error.code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return messageOf(error);
  return `content-type: expected a media type such as application/json, found ${contentType}`;
}

/** Lists the methods of routes from now on. @returns the methods of a path; none for files and unknown paths */
function listMethods(app: FastifyInstance): (path: string) => string[] {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return;
    methods.set(url, new Set([...(methods.get(url) ?? []), ...[method].flat()]));
  });
  const matches = (route: string, path: string): boolean => {
    const [wanted, found] = [route.split('/'), path.split('/')];
    return wanted.length === found.length && wanted.every((part, i) => part.startsWith(':') || part === found[i]);
  };
  return (path) => [...methods].flatMap(([route, all]) => (matches(route, path) ? [...all] : []));
}
