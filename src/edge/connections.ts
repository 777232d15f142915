import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { clientOf, isThisMachine } from './client-address.js';
import { createPenalties, type Misuse } from './penalties.js';

export interface ConnectionLimits {
  /** Largest number of connections, in all and from one client. */
  readonly most: number;
  readonly mostPerClient: number;
  /** Addresses without a limit of their own: proxies that carry many clients. */
  isProxy(address: string): boolean;
  /** Milliseconds in which a client has to read at least 16 KiB of a waiting answer. */
  readonly sendTimeoutMs: number;
}

/** Why a connection was closed. */
export type CloseReason =
  | 'idle while the server is full'
  | 'slow while the server is full'
  | 'server full'
  | 'too many unanswered requests'
  | 'not reading'
  | 'penalty';

/** Bytes that a client must read within the send timeout while an answer waits. */
const LEAST_READ = 16 << 10;
/** Milliseconds after which an unfinished request or an unread answer may be closed in favour of a new connection. */
const SLOW_MS = 5000;
/** Requests on one connection that may wait for answers. Browsers and the gateway send one at a time. */
const MOST_UNANSWERED = 32;

/** What happens to connections. */
export interface ConnectionEvents {
  closed(reason: CloseReason, client: string): void;
  /** The client has misused the server so often that all its connections are closed, and new ones for so many seconds. */
  penalized(client: string, seconds: number): void;
}

/** Counts that the client on this connection misused the server. */
export type CountMisuse = (socket: Socket, misuse: Misuse) => void;

interface Connection {
  readonly socket: Socket;
  readonly client: string;
  /** Whether others may be behind its address, so that a penalty would lock them out. */
  readonly isSpared: boolean;
  /** Requests that aren't answered yet, and their answers; almost always 0 or 1. */
  readonly requests: Map<IncomingMessage, ServerResponse>;
  /** When it became idle or its oldest request arrived (`performance.now()`). */
  since: number;
  /** What the client had read when, while an answer waits. */
  progress?: { readonly sent: number; readonly at: number };
}

/**
 * Limits the connections of a server. When it is full, a new connection replaces the one that has been idle longest; if
 * none is idle, one whose request arrives slowly or whose answer is read slowly. Clients that don't read their answers, or
 * send many requests without waiting for answers, are disconnected. A client that misuses the server too often
 * gets a penalty. Trusted proxies never do, nor does this machine, where an undeclared proxy may run.
 */
export function limitConnections(server: Server, limits: ConnectionLimits, events: ConnectionEvents): CountMisuse {
  const penalties = createPenalties();
  const connections = new Map<Socket, Connection>();
  /** Number of connections of each client. */
  const clients = new Map<string, number>();

  const close = (connection: Connection, reason: CloseReason): void => {
    if (!forget(connection)) return;
    connection.socket.destroy();
    events.closed(reason, connection.client);
  };
  const countMisuse: CountMisuse = (socket, misuse) => {
    const connection = connections.get(socket);
    if (!connection || connection.isSpared || !penalties.count(connection.client, misuse)) return;
    events.penalized(connection.client, penalties.secondsOf(connection.client));
    for (const each of [...connections.values()]) if (each.client === connection.client) close(each, 'penalty');
  };
  /** @returns whether the connection was still known */
  const forget = (connection: Connection): boolean => {
    if (!connections.delete(connection.socket)) return false;
    const others = clients.get(connection.client)! - 1;
    if (others === 0) clients.delete(connection.client);
    else clients.set(connection.client, others);
    return true;
  };
  /** Closes a connection in favour of a new one, if there is a suitable one. @param client only connections of this one */
  const makeRoom = (client?: string): boolean => {
    let longestIdle: Connection | undefined;
    let slow: Connection | undefined;
    for (const connection of connections.values()) {
      if (client !== undefined && connection.client !== client) continue;
      if (connection.requests.size > 0) slow ??= isSlow(connection) ? connection : undefined;
      else if (connection.since < (longestIdle?.since ?? Infinity)) longestIdle = connection;
    }
    if (longestIdle) close(longestIdle, 'idle while the server is full');
    else if (slow) close(slow, 'slow while the server is full');
    return longestIdle !== undefined || slow !== undefined;
  };

  // Node's own listener makes a parser for the connection. One that is refused must not cost that much.
  const accept = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const client = clientOf(address);
    if (penalties.has(client)) {
      socket.destroy();
      events.closed('penalty', client);
      return;
    }
    const isProxy = limits.isProxy(address);
    const clientIsFull = (clients.get(client) ?? 0) >= limits.mostPerClient && !isProxy;
    const hasRoom = clientIsFull ? makeRoom(client) : connections.size < limits.most || makeRoom();
    if (!hasRoom) {
      socket.destroy();
      events.closed('server full', client);
      return;
    }
    const isSpared = isProxy || isThisMachine(address);
    const connection: Connection = { socket, client, isSpared, requests: new Map(), since: performance.now() };
    clients.set(client, (clients.get(client) ?? 0) + 1);
    connections.set(socket, connection);
    socket.once('close', () => {
      forget(connection);
      endWaitingAnswers(connection);
    });
    for (const listener of accept) listener.call(server, socket);
  });

  // One read can contain thousands of requests. Once their connection is closed, they must cost nothing.
  const answer = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request').on('request', (request, response) => {
    const connection = connections.get(request.socket);
    if (!connection) return;
    if (connection.requests.size >= MOST_UNANSWERED) {
      countMisuse(connection.socket, 'too many unanswered requests');
      return close(connection, 'too many unanswered requests');
    }
    if (connection.requests.size === 0) connection.since = performance.now();
    connection.requests.set(request, response);
    response.once('close', () => {
      connection.requests.delete(request);
      if (connection.requests.size === 0) connection.since = performance.now();
    });
    for (const listener of answer) listener(request, response);
  });

  const timer = setInterval(
    () => {
      const now = performance.now();
      for (const connection of [...connections.values()]) {
        if (isStuck(connection, now, limits.sendTimeoutMs)) close(connection, 'not reading');
      }
    },
    Math.min(1000, limits.sendTimeoutMs / 4),
  );
  timer.unref();
  server.once('close', () => clearInterval(timer));
  return countMisuse;
}

/**
 * Reports to the answers of a closed connection that their client has disconnected. Node itself does so only for the first
 * one of those that wait.
 */
function endWaitingAnswers({ requests }: Connection): void {
  for (const response of requests.values()) {
    if (response.socket) continue;
    response.destroy();
    response.emit('close');
  }
}

/** Whether a request arrives slowly or an answer is read slowly. */
function isSlow({ requests, since, progress }: Connection): boolean {
  const before = performance.now() - SLOW_MS;
  const isArriving = [...requests.keys()].some((request) => !request.complete);
  return (isArriving && since < before) || (progress?.at ?? before) < before;
}

/** Whether an answer waits for a client that has read too little of it. */
function isStuck(connection: Connection, now: number, sendTimeoutMs: number): boolean {
  const { socket, progress } = connection;
  const isWaiting = socket.writableLength > 0;
  const sent = socket.bytesWritten - socket.writableLength;
  if (!isWaiting) connection.progress = undefined;
  else if (!progress || sent - progress.sent >= LEAST_READ) connection.progress = { sent, at: now };
  else return now - progress.at > sendTimeoutMs;
  return false;
}
