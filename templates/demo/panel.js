// Shows each answer, and totals over all of them.

import { createHistory } from './history.js';

const SHOWN_CLASSES = 5;
/** In a stream, the answer may change with every frame. A screen reader announces changes at most this often. */
const SPEAK_INTERVAL_MS = 2000;

/** Classes for what belongs to no other class. */
const OTHER = /^(other|others|none|nothing|background|unknown)$/i;
/** An answer with a smaller probability is called doubtful. */
const LEAST_PROBABILITY = 0.5;

const EDGE_STATES = {
  none: 'not configured',
  closed: 'ready',
  open: 'unreachable, paused',
  'half-open': 'unreachable, retrying',
  offline: 'this device is offline',
};

const at = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
const width = (share) => `${100 * share}%`;
const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 2 : 0)}\u00a0ms`;
const size = (bytes) => {
  if (bytes < 1000) return `${bytes}\u00a0B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)}\u00a0kB` : `${(bytes / 1e6).toFixed(1)}\u00a0MB`;
};

/** @returns show(answer, truth) for every answer, and showEdge() to refresh the state of the edge */
export function createPanel(model) {
  const { labels } = model.manifest;
  const severalExits = Array.isArray(model.tau);
  const counts = { branch: 0, edge: 0, unsure: 0 };
  const remember = createHistory(at('history'));
  let sent = 0;
  let last;
  let spokenAt = -SPEAK_INTERVAL_MS;
  let spoken;
  let later;
  const frames = []; // times of the frames of the last second

  const who = ({ by, unsure }) => (unsure ? 'unsure' : by);

  const describe = ({ by, exit, unsure, edgeError, cached }) => {
    if (unsure) return `Branch, unsure: ${edgeError ?? 'sending to the edge is turned off'}`;
    if (by === 'edge') return cached ? 'Answered by the edge a moment ago' : 'Answered by the edge';
    return `Answered by the branch${severalExits ? ` of exit ${exit}` : ''}, in this page`;
  };

  const speak = (answer) => {
    clearTimeout(later);
    const text = `${answer.label}, ${answer.unsure ? 'unsure' : `answered by the ${answer.by}`}`;
    const say = () => {
      at('spoken').textContent = spoken = text;
      spokenAt = performance.now();
    };
    if (answer.frame !== undefined && text === spoken) return;
    later = setTimeout(
      say,
      Math.max(0, spokenAt + (answer.frame === undefined ? 0 : SPEAK_INTERVAL_MS) - performance.now()),
    );
  };

  const showAnswer = (answer, truth) => {
    at('result').hidden = false;
    const probability = answer.probabilities[answer.index];
    const isOther = OTHER.test(answer.label);
    at('label').textContent = isOther ? 'None of these' : answer.label;
    at('doubt').hidden = isOther || probability >= LEAST_PROBABILITY;
    at('doubt').textContent = `Perhaps none of these: the best match has only ${percent(probability)}.`;
    at('truth').textContent = truth === undefined || truth === answer.label ? '' : `correct label: ${truth}`;
    at('by').textContent = describe(answer);
    at('by').className = `by ${who(answer)}`;
    at('entropy').textContent = answer.entropy.toFixed(4);
    at('tau').textContent = answer.tau.toFixed(4);
    at('gauge-fill').style.width = width(answer.entropy);
    at('gauge-fill').className = who(answer);
    at('gauge-tau').style.left = width(Math.min(1, answer.tau));
    const ranked = Array.from(answer.probabilities, (p, i) => [p, labels[i]]).sort((a, b) => b[0] - a[0]);
    at('bars').replaceChildren(...ranked.slice(0, SHOWN_CLASSES).map(([p, label]) => bar(label, p, who(answer))));
    const { times, bytes } = answer;
    at('branch-ms').textContent = milliseconds(times.branchMs);
    at('edge-ms').textContent = times.edgeMs && !answer.cached ? milliseconds(times.edgeMs) : '–';
    at('sent').textContent = bytes.sent ? size(bytes.sent) : '–';
    at('received').textContent = bytes.received ? size(bytes.received) : '–';
  };

  const showUse = (answer) => {
    // A frame that went to the edge has two answers: the branch's at once, the edge's later.
    const replacesLast = answer.frame !== undefined && answer.frame === last?.frame;
    if (replacesLast) counts[who(last)]--;
    last = answer;
    counts[who(answer)]++;
    sent += answer.bytes.sent;
    const all = counts.branch + counts.edge + counts.unsure;
    for (const [name, count] of Object.entries(counts)) {
      document.querySelector(`#share .${name}`).style.width = width(count / all);
      at(`of-${name}`).textContent = count;
    }
    at('share').setAttribute(
      'aria-label',
      `${all} images: ${counts.branch} answered by the branch, ${counts.edge} by the edge, ${counts.unsure} unsure`,
    );
    at('ratio').textContent = percent(counts.branch / all);
    at('sent-all').textContent = size(sent);
    remember(answer, who(answer), replacesLast);
  };

  const showRate = ({ frame }) => {
    const now = performance.now();
    if (frame !== undefined) frames.push(now);
    while (frames[0] < now - 1000) frames.shift();
    at('rate').textContent = frame === undefined ? '–' : `${frames.length}\u00a0/s`;
  };

  const showEdge = () => {
    at('edge-state').textContent = EDGE_STATES[model.edge.state];
    at('stale').hidden = !model.stale;
  };

  return {
    showEdge,
    show(answer, truth) {
      showAnswer(answer, truth);
      showUse(answer);
      showRate(answer);
      showEdge();
      speak(answer);
    },
  };
}

function bar(label, share, who) {
  const row = Object.assign(document.createElement('div'), { className: 'bar' });
  const name = Object.assign(document.createElement('span'), { textContent: label, title: label });
  const track = Object.assign(document.createElement('div'), { className: who });
  track.style.width = width(share);
  row.append(name, track, Object.assign(document.createElement('span'), { textContent: percent(share) }));
  return row;
}
