import { enterBuffer, returnToBuffer } from './buffer.js';
import { type Episode, NOBODY } from './episode.js';
import { startQueued } from './start-task.js';

/**
 * The first half of a step: servers fail and recover, tasks end, tasks waiting at servers start, new tasks enter the
 * buffer, and servers report their load. Afterwards, `episode.observation` is up to date for the policy.
 */
export function beginStep(episode: Episode): void {
  const { costs, world, step, lastReport, sent } = episode;
  costs.variance = costs.latency = costs.late = costs.energy = costs.cloud = 0;
  for (const { server, from, to } of world.settings.failures) {
    if (step === from) fail(episode, server);
    if (step === to) episode.up[server] = 1;
  }
  endTasks(episode);
  for (let server = 0; server < world.servers; server++) startQueued(episode, server);
  admitArrivals(episode);
  if (step === 0 || step - lastReport >= world.settings.reportEvery) report(episode);
  else extrapolate(episode);
  sent.fill(0);
  lookAtSlots(episode);
}

/** Takes a server down. Its running and waiting tasks return to the buffer and start again elsewhere. */
function fail(episode: Episode, server: number): void {
  const { servedBy, end, step, arrived } = episode;
  // Tasks that end in this step are lost too: their answers weren't sent yet.
  for (let task = arrived - 1; task >= 0; task--) {
    if (servedBy[task] === server && end[task] >= step) returnToBuffer(episode, task);
  }
  for (let task = episode.queueHead[server]; task !== NOBODY; task = episode.queueNext[task]) {
    returnToBuffer(episode, task);
  }
  episode.queueHead[server] = episode.queueTail[server] = NOBODY;
  episode.running[server] = episode.queued[server] = episode.up[server] = 0;
  episode.ending.fill(0, server * episode.horizon, (server + 1) * episode.horizon);
}

function endTasks({ world, running, ending, horizon, step }: Episode): void {
  for (let server = 0; server < world.servers; server++) {
    const at = server * horizon + (step % horizon);
    running[server] -= ending[at];
    ending[at] = 0;
  }
}

function admitArrivals(episode: Episode): void {
  const { tasks, step } = episode;
  if (step >= tasks.steps) return;
  for (let task = tasks.firstOf[step]; task < tasks.firstOf[step + 1]; task++) enterBuffer(episode, task);
  episode.arrived = tasks.firstOf[step + 1];
}

function report(episode: Episode): void {
  const { world, running, queued, up, observation } = episode;
  for (let server = 0; server < world.servers; server++) {
    observation.load[server] = running[server] + queued[server];
    observation.capacity[server] = up[server] ? world.capacity[server] : 0;
  }
  episode.lastReport = episode.step;
}

/** Estimates the load between reports: add the tasks sent, subtract those that should have ended in this step. */
function extrapolate({ world, observation, sent, endingShare }: Episode): void {
  const { load } = observation;
  if (!world.settings.tracking) return;
  for (let server = 0; server < world.servers; server++) {
    load[server] = (load[server] + sent[server]) * (1 - endingShare[server]);
  }
}

function lookAtSlots(episode: Episode): void {
  const { tasks, observation, buffered, buffer, bufferHead, world } = episode;
  observation.age = (episode.step - episode.lastReport) / world.settings.reportEvery;
  observation.waiting = Math.min(world.settings.slots, buffered);
  observation.behind = buffered - observation.waiting;
  for (let slot = 0, at = bufferHead; slot < observation.waiting; slot++) {
    observation.places[slot] = tasks.place[buffer[at]];
    if (++at === buffer.length) at = 0;
  }
}
