import { connect } from 'node:net';
import { messageOf, UserError } from '../../base/errors.js';

const LIMIT_MS = 2000;

/**
 * Sends commands to a running HAProxy and returns its output.
 *
 * @throws UserError if nothing listens at the socket
 */
export function command(socket: string, ...commands: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void =>
      reject(new UserError(`${socket}: expected the runtime socket of a HAProxy, found none (${messageOf(thrown)})`));
    let output = '';
    const connection = connect(socket)
      .setEncoding('utf8')
      .setTimeout(LIMIT_MS, () => connection.destroy(new Error(`no answer within ${LIMIT_MS} ms`)))
      .on('data', (text) => {
        output += text;
      })
      .on('error', fail)
      .on('end', () => resolve(output));
    connection.write(`${commands.join(';')}\n`);
  });
}
