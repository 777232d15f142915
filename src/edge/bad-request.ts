/** A request that is invalid. The client receives the message with status 400. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly statusCode: number = 400;
}
