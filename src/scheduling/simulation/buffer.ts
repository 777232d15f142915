import { type Episode, NOBODY } from './episode.js';

/** The task at an index of the buffer, counted from its first task. */
export function bufferedTask({ buffer, bufferHead }: Episode, index: number): number {
  return buffer[(bufferHead + index) % buffer.length];
}

/** Appends a new task, or sends it to the cloud if the buffer is full. */
export function enterBuffer(episode: Episode, task: number): void {
  const { buffer, bufferHead, world } = episode;
  if (episode.buffered >= world.settings.slots + world.settings.buffer) {
    sendToCloud(episode, task);
    return;
  }
  buffer[(bufferHead + episode.buffered) % buffer.length] = task;
  episode.buffered++;
}

/** Puts a task that a server lost back at the front. The ring is large enough for all tasks. */
export function returnToBuffer(episode: Episode, task: number): void {
  const { buffer } = episode;
  episode.bufferHead = (episode.bufferHead + buffer.length - 1) % buffer.length;
  buffer[episode.bufferHead] = task;
  episode.buffered++;
  episode.servedBy[task] = NOBODY;
}

/** Removes tasks from the front. */
export function leaveBuffer(episode: Episode, count: number): void {
  episode.bufferHead = (episode.bufferHead + count) % Math.max(1, episode.buffer.length);
  episode.buffered -= count;
}

/** Sends the whole buffer to the cloud. */
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
