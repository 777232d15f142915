import { CORS_HEADERS, PREFLIGHT_HEADERS, SECURITY_HEADERS } from '../../edge/access.js';
import { expandRanges } from '../../edge/client-address.js';
import { rateRefusal } from '../../edge/rate-limit.js';

/** What the flags --cors, --rate-limit and --trust-proxy ask for. */
export interface AccessSettings {
  readonly cors?: readonly string[];
  /** Inference requests of one client in a second. */
  readonly rateLimit?: number;
  readonly trustProxy?: readonly string[];
  readonly maxConnections: number;
  readonly maxConnectionsPerClient?: number;
}

/** Backends without servers, whose tables count requests and connections by client. */
const RATES = 'rates';
const CONNECTIONS = 'connections';
/** Proxies in a row whose X-Forwarded-For is read. HAProxy has no loops. */
const MOST_PROXIES = 4;

/**
 * Rules of HAProxy's frontend: the client's address, cross-origin requests, and the rate limit, in this order. They do what
 * the embedded gateway does, but HAProxy counts the last second at any moment instead of in fixed seconds.
 */
export function accessRules({ cors = [], rateLimit, trustProxy = [] }: AccessSettings): string[] {
  return [
    ...(trustProxy.length > 0 ? addressRules(expandRanges(trustProxy)) : []),
    ...(cors.length > 0 ? corsRules(cors) : []),
    ...(rateLimit === undefined ? [] : rateRules(rateLimit)),
  ];
}

/** Limits the connections of each client, except for trusted proxies. */
export function connectionRules({ trustProxy = [], ...settings }: AccessSettings): string[] {
  const most = settings.maxConnectionsPerClient ?? Math.ceil(settings.maxConnections / 2);
  const exempt = trustProxy.length > 0 ? ` !{ src ${expandRanges(trustProxy).join(' ')} }` : '';
  return [
    `tcp-request connection track-sc1 src,ipmask(32,64) table ${CONNECTIONS}`,
    `tcp-request connection reject if { sc1_conn_cur(${CONNECTIONS}) gt ${most} }${exempt}`,
  ];
}

/** The tables that the rules count in. */
export function accessTables({ rateLimit }: AccessSettings): string {
  const table = (name: string, size: string, store: string) =>
    `\nbackend ${name}\n  stick-table type ipv6 size ${size} store ${store}\n`;
  const rates = rateLimit === undefined ? '' : table(RATES, '10k expire 2s', 'http_req_rate(1s)');
  return table(CONNECTIONS, '10k expire 10m', 'conn_cur') + rates;
}

/** An answer of HAProxy itself, in the form of every other error. */
export function jsonAnswer(status: number, error: string, headers: Readonly<Record<string, string>> = {}): string {
  const all = Object.entries({ ...headers, ...SECURITY_HEADERS }).map(([name, value]) => `hdr ${name} ${quote(value)}`);
  return `status ${status} content-type application/json string '${JSON.stringify({ error })}' ${all.join(' ')}`;
}

/** From a trusted proxy, the client is the last address in X-Forwarded-For that isn't a trusted proxy's. */
function addressRules(ranges: readonly string[]): string[] {
  return Array.from({ length: MOST_PROXIES }, (_, i) => `hdr_ip(x-forwarded-for,-${i + 1})`).map(
    (address) => `http-request set-src ${address} if { src ${ranges.join(' ')} } { ${address} -m found }`,
  );
}

function corsRules(origins: readonly string[]): string[] {
  const any = origins.includes('*');
  const allowed = any ? '-m found' : `-m str ${origins.map(quote).join(' ')}`;
  const isAllowed = '{ var(txn.origin) -m found }';
  const preflight = Object.entries(PREFLIGHT_HEADERS).map(([name, value]) => `hdr ${name} ${quote(value)}`);
  return [
    `http-request set-var(txn.origin) ${any ? 'str(*)' : 'req.hdr(origin)'} if { req.hdr(origin) ${allowed} }`,
    `http-request return status 204 ${preflight.join(' ')} if METH_OPTIONS ${isAllowed}`,
    `http-after-response set-header access-control-allow-origin %[var(txn.origin)] if ${isAllowed}`,
    ...Object.entries(CORS_HEADERS).map(
      ([name, value]) => `http-after-response set-header ${name} ${quote(value)} if ${isAllowed}`,
    ),
    ...(any ? [] : ['http-after-response set-header vary origin']),
  ];
}

/** A client is an IPv4 address or the /64 network of an IPv6 address, as in `clientOf`. */
function rateRules(perSecond: number): string[] {
  const infer = 'METH_POST { path_end /infer }';
  const refusal = jsonAnswer(429, rateRefusal(perSecond), { 'retry-after': '1' });
  return [
    `http-request track-sc0 src,ipmask(32,64) table ${RATES} if ${infer}`,
    `http-request return ${refusal} if ${infer} { sc0_http_req_rate(${RATES}) gt ${perSecond} }`,
  ];
}

/** A word of HAProxy's configuration. */
const quote = (text: string): string => `"${text.replace(/["\\$]/g, '\\$&')}"`;
