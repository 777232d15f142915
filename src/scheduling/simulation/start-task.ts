import { type Episode, NOBODY } from './episode.js';

/** Starts a task on a server. It takes one unit of the server's capacity until it ends. */
export function startTask(episode: Episode, task: number, server: number): void {
  const { world, tasks, step, costs } = episode;
  const { stepMs, deadlineMs } = world.settings;
  const serviceSteps = tasks.work[task] / world.speed[server];
  const end = step + Math.max(1, Math.ceil(serviceSteps));
  const forwardMs = world.forwardMs[tasks.place[task] * world.servers + server];
  const latencyMs = (step - tasks.arrival[task] + serviceSteps) * stepMs + forwardMs;
  episode.running[server]++;
  episode.ending[server * episode.horizon + (end % episode.horizon)]++;
  episode.servedBy[task] = server;
  episode.end[task] = end;
  episode.latencyMs[task] = latencyMs;
  episode.begun[task]++;
  costs.latency += latencyMs / stepMs;
  if (latencyMs > deadlineMs) costs.late++;
}

/** Starts the tasks that wait at a server, up to its capacity. */
export function startQueued(episode: Episode, server: number): void {
  const { world, running, queued, queueHead, queueTail, queueNext } = episode;
  while (queued[server] > 0 && running[server] < world.capacity[server]) {
    const task = queueHead[server];
    queueHead[server] = queueNext[task];
    if (queueHead[server] === NOBODY) queueTail[server] = NOBODY;
    queued[server]--;
    startTask(episode, task, server);
  }
}

/** Sends a task to a server, where it starts or waits. */
export function sendTask(episode: Episode, task: number, server: number): void {
  const { world, running, queueHead, queueTail, queueNext } = episode;
  episode.sent[server]++;
  if (!episode.up[server]) {
    episode.bounced.push(task); // the server is down: the task needs another decision
    return;
  }
  if (running[server] < world.capacity[server]) {
    startTask(episode, task, server);
    return;
  }
  queueNext[task] = NOBODY;
  if (queueTail[server] === NOBODY) queueHead[server] = task;
  else queueNext[queueTail[server]] = task;
  queueTail[server] = task;
  episode.queued[server]++;
}
