// Requests to the edge, which runs the rest of the network: a server with the Open Inference Protocol v2 (REST, binary tensors,
// little-endian like WebAssembly's memory), or a function of the page. Decides when to retry, and when to pause.
// lcdnn.js imports this file and limits the time of each request.

/** After this many failures in a row, requests pause. Each probe that fails doubles the pause. */
const FAILURES = 3;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
/** The largest number of early exits that one request reports. */
const MAX_EXITS = 1_000_000;
/** The longest time for which one answer of the server may raise tau. */
const LONGEST_RAISE_S = 600;

/**
 * Opens the edge of a model. `tally.exits` counts the images that the branch answered alone since the last request, `ended`
 * removes all listeners, `within` is the function of that name.
 */
export function openEdge(edge, manifest, { token, adaptTau, onStale, tally, ended, within }) {
  const { labels, tail, name, version } = manifest;
  const ownTau = [manifest.tau].flat().at(-1);
  const isFunction = typeof edge === 'function';
  const breaker = createBreaker();
  // A server on this machine needs no network.
  const isNear = !isFunction && /^(localhost|127\.|\[::1\])/.test(new URL(edge, globalThis.location?.href).hostname);
  const isOffline = () => !isFunction && !isNear && globalThis.navigator?.onLine === false;
  globalThis.addEventListener?.('online', breaker.resume, { signal: ended });

  const base = String(edge).replace(/\/+$/, '');

  let raised = { tau: 0, until: 0 };
  let newest = version; // the newest version that a server reported
  let path = ''; // names our version if the server's newest is another one

  const applyTau = (headers) => {
    if (adaptTau) raised = parseTau(headers) ?? raised;
  };

  // Deflates the body if that makes it smaller. Not every server of the protocol can inflate: one that refuses gets the plain body.
  let deflates = Boolean(globalThis.CompressionStream);
  const send = async (url, request, bytes) => {
    const body = deflates && (await deflated(request.body));
    if (!body) return exchange(url, request, bytes, applyTau);
    const headers = { ...request.headers, 'content-encoding': 'deflate' };
    try {
      return await exchange(url, { ...request, headers, body }, bytes, applyTau);
    } catch (thrown) {
      if (![400, 415].includes(thrown.status)) throw thrown;
      const reply = await exchange(url, request, bytes, applyTau);
      deflates = false;
      return reply;
    }
  };
  // Other servers number their versions. Ours are hashes, and one version must not answer for another.
  const isHash = (found) => /^[0-9a-f]{12}$/.test(found);
  const notice = (found) => {
    if (!isHash(found)) return;
    if (found !== newest && found !== version) onStale?.(found);
    newest = found;
  };
  // A server that can't read a request may have a version whose input has another shape.
  const lookUp = async () => {
    const { versions } = await (await fetch(`${base}/v2/models/${name}`, { signal: ended })).json();
    notice(versions.at(-1));
  };

  const infer = async (outputs, answer, exits, stop) => {
    const { head, body } = requestBody(tail, encode(outputs.shared, tail), {
      exits,
      entropy: outputs.entropy?.toString(), // as text: some servers of the protocol accept only whole numbers
      branch: answer.index,
      audit: answer.audit,
      tau: answer.tau === ownTau ? undefined : `${answer.tau}`,
    });
    const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': `${head}` };
    const secret = typeof token === 'function' ? await token() : token;
    if (secret) headers.authorization = `Bearer ${secret}`;
    const url = `${base}/v2/models/${name}${path}/infer`;
    const reply = await send(url, { method: 'POST', headers, body, signal: stop }, answer.bytes);
    const { found, logits } = parseReply(url, reply, tail);
    if (!path) notice(found);
    if (!isHash(found) || found === version) return logits;
    if (path) throw new Error(`${url}: expected version ${version}, found ${found}; load the model again`);
    path = `/versions/${version}`;
    try {
      return await infer(outputs, answer, exits, stop);
    } catch (thrown) {
      path = ''; // the next request may reach another server
      throw thrown;
    }
  };

  // Retries once if the fault may be temporary and there is time.
  const withRetry = async (work, stop, deadline) => {
    try {
      return await work();
    } catch (thrown) {
      const { againMs } = thrown ?? {};
      if (!(performance.now() + againMs < deadline) || breaker.state() !== 'closed' || isOffline()) throw thrown;
      await within(Infinity, stop, () => new Promise((resolve) => setTimeout(resolve, againMs)));
      return work();
    }
  };

  /** The edge's probabilities. @throws if it doesn't answer; immediately if the device is offline or requests are paused */
  const ask = async (outputs, answer, stop, deadline) => {
    if (isOffline()) throw new Error('this device is offline');
    const settleAttempt = breaker.begin();
    const exits = Math.min(tally.exits, MAX_EXITS);
    tally.exits -= exits;
    const settle = (outcome, pauseMs) => {
      if (outcome !== 'answered') tally.exits += exits;
      settleAttempt(outcome, pauseMs);
      stop.removeEventListener('abort', stopped);
    };
    const stopped = () => settle(stop.reason?.name === 'TimeoutError' ? 'failed' : 'given up');
    stop.addEventListener('abort', stopped);
    try {
      const logits = isFunction
        ? await edge(encode(outputs.shared, tail), [1, ...tail.shape], stop, name)
        : await withRetry(() => infer(outputs, answer, exits, stop), stop, deadline);
      if (logits?.length !== labels.length || !Array.from(logits).every(Number.isFinite)) {
        throw new Error(`expected ${labels.length} finite logits from the edge, found ${logits?.length} values`);
      }
      if (!stop.aborted) settle('answered');
      return softmax(logits);
    } catch (thrown) {
      if (!stop.aborted) settle('failed', thrown?.pauseMs);
      if (thrown?.status === 400) lookUp().catch(() => {});
      throw thrown;
    }
  };

  return {
    ask,
    state: () => (isOffline() ? 'offline' : breaker.state()),
    tau: () => (performance.now() < raised.until ? raised.tau : 0),
    newest: () => newest,
  };
}

// ---- a circuit breaker: closed, open (no requests), half-open (a single request as a probe)

function createBreaker() {
  let failures = 0; // in a row
  let pauseMs = 0; // 0 if closed
  let until = 0;
  let isProbing = false;
  const state = () => (pauseMs === 0 ? 'closed' : performance.now() < until ? 'open' : 'half-open');
  const resume = () => {
    until = 0;
  };

  /** @returns a function that takes the outcome: answered, failed or given up. @throws if requests are paused */
  const begin = () => {
    const isProbe = state() === 'half-open';
    if (state() === 'open' || (isProbe && isProbing)) {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      throw new Error(`the edge failed ${failures} times in a row; no requests for ${left} s`);
    }
    isProbing = isProbe;
    return (outcome, requestedMs = 0) => {
      if (isProbe) isProbing = false;
      if (outcome === 'answered') failures = pauseMs = 0;
      // A request from before the pause doesn't extend it.
      if (outcome !== 'failed' || (pauseMs > 0 && !isProbe)) return;
      failures++;
      if (failures < FAILURES && !isProbe && !requestedMs) return;
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs || FIRST_PAUSE_MS);
      until =
        performance.now() + Math.max(pauseMs * (0.75 + Math.random() / 2), Math.min(LONGEST_PAUSE_MS, requestedMs));
    };
  };
  return { begin, state, resume };
}

// ---- the protocol

/** A JSON header of `head` bytes, followed by the tensor. */
function requestBody(tail, tensor, parameters) {
  const binary = { binary_data_size: tensor.byteLength };
  const head = new TextEncoder().encode(
    JSON.stringify({
      parameters,
      inputs: [{ name: tail.input, shape: [1, ...tail.shape], datatype: tail.datatype ?? 'FP32', parameters: binary }],
      outputs: [{ name: tail.output, parameters: { binary_data: true } }],
    }),
  );
  const body = new Uint8Array(head.length + tensor.byteLength);
  body.set(head);
  body.set(new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength), head.length);
  return { head: head.length, body };
}

/**
 * One request. An error has the HTTP `status`, if any; `againMs`, the time after which a retry makes sense; and `pauseMs`, the time
 * that the server asked for.
 */
async function exchange(url, request, bytes, applyTau) {
  const jitterMs = 50 + 100 * Math.random();
  bytes.sent += request.body.length;
  let response;
  let body;
  try {
    response = await fetch(url, request);
    body = new Uint8Array(await response.arrayBuffer());
  } catch (thrown) {
    request.signal.throwIfAborted();
    throw Object.assign(new Error(`${url}: no answer (${thrown.message})`), { againMs: jitterMs });
  }
  const { ok, status, headers } = response;
  bytes.received += body.length;
  applyTau(headers);
  if (ok) return { headers, body };
  const text = new TextDecoder().decode(body.subarray(0, 200));
  const pauseMs = parseRetryAfter(headers.get('retry-after'));
  const againMs = [502, 503, 504].includes(status) ? (pauseMs ?? 0) + jitterMs : undefined;
  throw Object.assign(new Error(`${url}: HTTP ${status} ${text}`), { status, againMs, pauseMs });
}

/** Milliseconds from now, from seconds or a date. */
function parseRetryAfter(text) {
  const ms = /^\d+$/.test(text) ? 1000 * text : Date.parse(text) - Date.now();
  return ms > 0 ? ms : undefined;
}

/** Parses `0.35;max-age=10`: the tau of a server under load, and the seconds for which it holds. */
function parseTau(headers) {
  const [, tau, seconds] = /^([01]?\.?\d+)\s*;\s*max-age=(\d+)$/.exec(headers.get('lcdnn-tau')) ?? [];
  if (!(tau <= 1)) return undefined;
  return { tau: Number(tau), until: performance.now() + 1000 * Math.min(LONGEST_RAISE_S, seconds) };
}

/** The logits, and the version of the model that computed them. */
function parseReply(url, { headers, body }, tail) {
  let at = Number(headers.get('inference-header-content-length') ?? body.length);
  try {
    const reply = JSON.parse(new TextDecoder().decode(body.subarray(0, at)));
    for (const output of reply.outputs) {
      const size = output.parameters?.binary_data_size;
      if (output.name === tail.output) {
        const logits = size === undefined ? output.data.flat(2) : new Float32Array(body.slice(at, at + size).buffer);
        return { found: reply.model_version, logits };
      }
      at += size ?? 0;
    }
  } catch {} // not a reply of the protocol: the page of a proxy, for example
  throw new Error(`${url}: expected an output named ${tail.output}, found none`);
}

// ---- what is sent

/**
 * Encodes values as the tail takes them: float32, half precision, or bytes with (value - offset) / scale for each channel. Values
 * are rounded to the nearest, ties to even, as Uint8ClampedArray does; bytes are clamped.
 */
export function encode(values, { datatype, scale, offset }) {
  if (!datatype) return values;
  if (datatype === 'FP16') {
    const bits = new Uint32Array(values.slice().buffer);
    const halves = new Uint16Array(values.length);
    for (let i = 0; i < values.length; i++) halves[i] = half(bits[i]);
    return halves;
  }
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) {
    const c = i % scale.length;
    bytes[i] = (values[i] - (offset?.[c] ?? 0)) / scale[c];
  }
  return new Uint8Array(bytes.buffer);
}

/** Converts the bits of a float32 to half precision. */
function half(bits) {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7e00; // NaN
  if (size >= 0x477ff000) return sign | 0x7c00; // from 65520 on
  const exponent = size >>> 23;
  // Digits to drop: more if the result is subnormal, all of them below 2^-25.
  const cut = Math.min(25, Math.max(13, 126 - exponent));
  const digits = exponent < 113 ? (size & 0x7fffff) | 0x800000 : size - 0x38000000;
  return sign | ((digits + (1 << (cut - 1)) - 1 + ((digits >> cut) & 1)) >> cut);
}

/** The deflated bytes, or undefined if they aren't smaller. */
async function deflated(body) {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream('deflate'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return bytes.length < body.length ? bytes : undefined;
}

function softmax(logits) {
  const most = Math.max(...logits);
  const powers = Float32Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
