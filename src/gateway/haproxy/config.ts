import { inUrl } from '../../edge/listen.js';
import { type AccessSettings, accessRules, rateTable } from './access-rules.js';

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
  readonly remote?: string;
}

/** The backend with the servers, which are named s0, s1, ... in order. */
export const BACKEND = 'servers';

/** HAProxy's buffer. Longer requests (with their body) can't be sent to a second server. */
const BUFFER_BYTES = 64 << 10;

/**
 * The configuration of a HAProxy that buffers, forwards and retries like the embedded gateway. The gateway sets the weights
 * of its servers.
 */
export function haproxyConfig(settings: HaproxySettings): string {
  const { host, port, servers, remote, maxWaiting } = settings;
  const busy = `{"error":"the edge is busy; try again in 1 s"}`;
  const overflow = [`if { queue(${BACKEND}) ge ${maxWaiting} }`, `if { nbsrv(${BACKEND}) eq 0 }`].map((condition) =>
    remote === undefined
      ? `  http-request return status 503 content-type application/json string '${busy}' hdr retry-after 1 ${condition} !own`
      : `  use_backend remote ${condition} !own`,
  );
  return `global
  stats socket ${settings.socket} mode 600 level admin
  maxconn ${settings.maxConnections}
  tune.bufsize ${BUFFER_BYTES}
  ca-base /etc/ssl/certs

defaults
  mode http
  option http-keep-alive
  option forwardfor
  timeout connect 2000ms
  timeout check 2000ms
  timeout client 120000ms
  timeout http-request ${settings.requestTimeoutMs}ms
  timeout http-keep-alive 72000ms
  timeout server ${settings.answerTimeoutMs}ms
  timeout queue ${settings.timeoutMs}ms

frontend clients
  bind ${inUrl(host)}:${port}
  acl own path /metrics
  acl own path_beg /v2/health/
${accessRules(settings)
  .map((rule) => `  ${rule}\n`)
  .join('')}${overflow.join('\n')}
  use_backend gateway if own
  default_backend ${BACKEND}

backend gateway
  server own 127.0.0.1:${settings.ownPort}

backend ${BACKEND}
  balance roundrobin
  option httpchk GET /v2/health/ready
  http-check expect status 200
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 503
  default-server check inter ${settings.healthEveryMs}ms fall 2 rise 2 observe layer4 error-limit 1 on-error mark-down
${servers.map(({ origin, capacity }, i) => serverLine(`s${i}`, origin, `weight 100 maxconn ${capacity}`)).join('\n')}
${remote === undefined ? '' : `\nbackend remote\n${serverLine('remote', remote, '')}\n`}${rateTable(settings)}`;
}

function serverLine(name: string, origin: string, more: string): string {
  const { protocol, hostname, port } = new URL(origin);
  const isSecure = protocol === 'https:';
  const tls = isSecure ? `ssl verify required ca-file ca-certificates.crt sni str(${hostname}) ` : '';
  return `  server ${name} ${hostname}:${port || (isSecure ? 443 : 80)} ${tls}${more}`.trimEnd();
}
