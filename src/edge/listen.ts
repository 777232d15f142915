import { isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { codeOf, messageOf, UserError } from '../base/errors.js';

/**
 * Starts listening and returns the URL of the server.
 *
 * @throws UserError if host or port isn't available; the server is closed then
 */
export async function listen(
  app: FastifyInstance,
  at: { readonly host: string; readonly port: number },
): Promise<string> {
  return app.listen(at).catch(async (thrown) => {
    await app.close();
    throw listenError(at.host, at.port, thrown);
  });
}

/** A host as it is written in a URL: IPv6 addresses in brackets. */
export const inUrl = (host: string): string => (isIPv6(host) ? `[${host}]` : host);

function listenError(host: string, port: number, thrown: unknown): unknown {
  switch (codeOf(thrown)) {
    case 'EADDRINUSE':
      return new UserError(
        `${inUrl(host)}:${port}: expected a free port, found one in use; choose another with --port`,
      );
    case 'EACCES':
      return new UserError(
        `${inUrl(host)}:${port}: no permission to listen there; choose a port above 1023 with --port`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UserError(
        `${host}: expected an address of this machine (${messageOf(thrown)}); choose another with --host`,
      );
    default:
      return thrown;
  }
}
