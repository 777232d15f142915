import { inUrl } from '../../edge/listen.js';
import { type AccessSettings, accessRules, accessTables, connectionRules, jsonAnswer } from './access-rules.js';

/** Settings of HAProxy. Times are in milliseconds. */
export interface HaproxySettings extends AccessSettings {
  readonly host: string;
  readonly port: number;
  readonly servers: readonly { readonly origin: string; readonly capacity: number }[];
  /** Path of its runtime socket. */
  readonly socket: string;
  /** Local port of the gateway's own routes. */
  readonly ownPort: number;
  readonly healthEveryMs: number;
  readonly maxWaiting: number;
  readonly maxConnections: number;
  readonly timeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly remote?: string;
}

/** The backend with the servers, which are named s0, s1, ... in order. */
export const BACKEND = 'servers';

/** The same servers for requests other than inference, which don't count towards their capacity. */
const FILES = 'files';

/** HAProxy's own errors: what clients are told. (Its parser has a page of its own for requests that aren't HTTP.) */
const ERRORS: Readonly<Record<number, string>> = {
  408: 'expected a complete request in time, found an unfinished one',
  500: 'the gateway failed',
  502: 'a server gave no valid answer',
  503: 'no server answered; try again',
  504: 'no answer in time',
};

/** HAProxy's buffer. Longer requests (with their body) can't be sent to a second server. */
const BUFFER_BYTES = 64 << 10;

/**
 * The configuration of a HAProxy that buffers, forwards and retries like the embedded gateway. The gateway sets the weights
 * of its servers.
 */
export function haproxyConfig(settings: HaproxySettings): string {
  const { host, port, servers, remote, maxWaiting } = settings;
  const busy = jsonAnswer(503, 'the edge is busy; try again in 1 s', { 'retry-after': '1' });
  const overflow = [`if METH_POST { queue(${BACKEND}) ge ${maxWaiting} }`, `if { nbsrv(${BACKEND}) eq 0 }`].map(
    (condition) => `  ${remote === undefined ? `http-request return ${busy}` : 'use_backend remote'} ${condition} !own`,
  );
  const tooLong = jsonAnswer(413, `body: expected at most ${settings.maxBodyBytes} bytes, found more`);
  const errors = Object.entries(ERRORS).map(([status, text]) => `  http-error ${jsonAnswer(Number(status), text)}`);
  return `global
  stats socket ${settings.socket} mode 600 level admin
  maxconn ${settings.maxConnections}
  tune.bufsize ${BUFFER_BYTES}
  ca-base /etc/ssl/certs

defaults
  mode http
  option http-keep-alive
  option forwardfor
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 503
  timeout connect 2000ms
  timeout check 2000ms
  timeout client ${settings.sendTimeoutMs}ms
  timeout http-request ${settings.requestTimeoutMs}ms
  timeout http-keep-alive 72000ms
  timeout server ${settings.answerTimeoutMs}ms
  timeout queue ${settings.timeoutMs}ms
${errors.join('\n')}

frontend clients
  bind ${inUrl(host)}:${port}
  option http-buffer-request
  acl own path /metrics /lcdnn/use
  acl own path_beg /v2/health/
${[...connectionRules(settings), ...accessRules(settings)].map((rule) => `  ${rule}\n`).join('')}  http-request return ${tooLong} if { req.body_size gt ${settings.maxBodyBytes} }
${overflow.join('\n')}
  use_backend gateway if own
  use_backend ${FILES} if !METH_POST
  default_backend ${BACKEND}

backend gateway
  server own 127.0.0.1:${settings.ownPort}

backend ${BACKEND}
  balance roundrobin
  option httpchk GET /v2/health/ready
  http-check expect status 200
  default-server check inter ${settings.healthEveryMs}ms fall 2 rise 2 observe layer4 error-limit 1 on-error mark-down
${servers.map(({ origin, capacity }, i) => serverLine(`s${i}`, origin, `weight 100 maxconn ${capacity}`)).join('\n')}

backend ${FILES}
  balance roundrobin
${servers.map(({ origin }, i) => serverLine(`s${i}`, origin, `track ${BACKEND}/s${i}`)).join('\n')}
${remote === undefined ? '' : `\nbackend remote\n${serverLine('remote', remote, '')}\n`}${accessTables(settings)}`;
}

function serverLine(name: string, origin: string, more: string): string {
  const { protocol, hostname, port } = new URL(origin);
  const isSecure = protocol === 'https:';
  const tls = isSecure ? `ssl verify required ca-file ca-certificates.crt sni str(${hostname}) ` : '';
  return `  server ${name} ${hostname}:${port || (isSecure ? 443 : 80)} ${tls}${more}`.trimEnd();
}
