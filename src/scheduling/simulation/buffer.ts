import { type Episode, NOBODY } from './episode.js';

/** The task that is `behind` places behind the first of the buffer. */
export function bufferedTask({ buffer, bufferHead }: Episode, behind: number): number {
  return buffer[(bufferHead + behind) % buffer.length];
}

/** Appends a new task; one without room goes to the cloud. */
export function enterBuffer(episode: Episode, task: number): void {
  const { buffer, bufferHead, world } = episode;
  if (episode.buffered >= world.settings.slots + world.settings.buffer) {
    sendToCloud(episode, task);
    return;
  }
  buffer[(bufferHead + episode.buffered) % buffer.length] = task;
  episode.buffered++;
}

/** Puts a task that a server has lost back before all others. The ring has room for every task there is. */
export function returnToBuffer(episode: Episode, task: number): void {
  const { buffer } = episode;
  episode.bufferHead = (episode.bufferHead + buffer.length - 1) % buffer.length;
  buffer[episode.bufferHead] = task;
  episode.buffered++;
  episode.servedBy[task] = NOBODY;
}

/** Takes so many tasks out at the front. */
export function leaveBuffer(episode: Episode, count: number): void {
  episode.bufferHead = (episode.bufferHead + count) % Math.max(1, episode.buffer.length);
  episode.buffered -= count;
}

/** Gives up the whole buffer to the cloud. */
export function emptyIntoCloud(episode: Episode): void {
  for (let i = 0; i < episode.buffered; i++) sendToCloud(episode, bufferedTask(episode, i));
  leaveBuffer(episode, episode.buffered);
}

function sendToCloud(episode: Episode, task: number): void {
  const { world, tasks, step, costs } = episode;
  const { settings, servers } = world;
  const waitMs = (step - tasks.arrival[task]) * settings.stepMs;
  episode.servedBy[task] = servers;
  episode.begun[task]++;
  episode.latencyMs[task] = waitMs + settings.cloudMs + tasks.work[task] * settings.stepMs;
  episode.end[task] = step + Math.ceil(tasks.work[task]);
  episode.overflowed++;
  costs.cloud += settings.cloudPrice;
  costs.latency += episode.latencyMs[task] / settings.stepMs;
  if (episode.latencyMs[task] > settings.deadlineMs) costs.late++;
}
