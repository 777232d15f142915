import type { FastifyError, FastifyInstance } from 'fastify';
import { messageOf } from '../base/errors.js';

/** What a client is told, with this status, where its request is not answered. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Answers of all errors as the protocol has them; what is our fault goes to the log, and only there. */
export function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `no ${request.method} ${request.url} here` }),
  );
  app.setErrorHandler((error: FastifyError & { readonly retryAfterS?: number }, request, reply) => {
    const { statusCode: status = 500, retryAfterS = 1 } = error;
    if (status === 500) request.log.error(error);
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    if (status === 413) reply.header('connection', 'close'); // the rest of the body is not waited for
    if (status === 503) reply.header('retry-after', retryAfterS);
    const reason = status === 500 ? 'the server failed; its log says why' : messageOf(error);
    return reply.code(status).send({ error: reason });
  });
}
