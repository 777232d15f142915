import type { Misuse } from './penalties.js';

/** A request that is invalid. The client receives the message with status 400. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly statusCode: number = 400;
}

/** A request that no browser sends and that costs the server much work. It counts against the client. */
export class AbusiveRequest extends BadRequest {
  readonly closesConnection = true;

  constructor(
    message: string,
    readonly misuse: Misuse,
    override readonly statusCode = 400,
  ) {
    super(message);
  }
}
