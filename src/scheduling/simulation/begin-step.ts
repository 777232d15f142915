import { enterBuffer, returnToBuffer } from './buffer.js';
import { type Episode, NOBODY } from './episode.js';
import { startQueued } from './start-task.js';

/**
 * The first half of a step: servers fail and come back, tasks end and those that wait at a server begin, new tasks enter
 * the buffer, servers report. Then `episode.observation` is what a policy decides by.
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

/** A server goes down: what it works on and what waits there has to be begun anew elsewhere. */
function fail(episode: Episode, server: number): void {
  const { servedBy, end, step, arrived } = episode;
  // Those that end in this very step are lost, too: their answers were not sent yet.
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

/** Between reports: what was there, without what should have ended in this step, and what was sent. */
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
