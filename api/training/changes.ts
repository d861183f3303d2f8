/** What callers ask of a job. A job that runs is asked; any other is changed by its status alone. */
import { ApiError } from '../errors.ts'
import { isFinal, type JobState } from './job-state.ts'
import type { Run } from './run.ts'

/** Ends a job, or has whoever works on it end it. */
export async function cancelJob(run: Run): Promise<void> {
  // Again where the status changed meanwhile: of two changes, the first counts.
  for (;;) {
    const state = await run.state()
    if (state.status === 'cancelled' || state.requested === 'cancel') return
    if (isFinal(state)) throw conflict(run, state, 'has ended')

    if (state.status === 'running') await run.request('cancel')
    else await take(run, 'cancelled', 'cancelled')
  }
}

/** Lets a job rest until it is resumed. */
export async function pauseJob(run: Run): Promise<void> {
  for (;;) {
    const state = await run.state()
    if (state.status === 'paused' || state.requested === 'pause') return
    if (isFinal(state)) throw conflict(run, state, 'has ended')
    if (state.requested === 'cancel') throw conflict(run, state, 'is about to be cancelled')
    if (state.status === 'validating_files') {
      throw conflict(run, state, 'waits for its dataset to be validated: pause it after that')
    }

    if (state.status === 'running') await run.request('pause')
    else await take(run, 'paused', 'paused')
  }
}

/** Lets a paused job go on. */
export async function resumeJob(run: Run): Promise<void> {
  const state = await run.state()
  if (state.status === 'paused') {
    await run.setStatus('queued', 'resumed')
    return
  }
  if (state.requested === 'pause') throw conflict(run, state, 'is about to pause: resume it then')
  if (state.status !== 'queued' && state.status !== 'running') {
    throw conflict(run, state, 'is not paused')
  }
}

/**
 * Sets a status, and takes the next attempt behind it: a worker that began at this very moment then
 * stops, and a gateway that is about to begin sees the status.
 */
async function take(run: Run, status: 'cancelled' | 'paused', message: string): Promise<void> {
  await run.setStatus(status, message)
  await run.claim()
}

function conflict({ record }: Run, { status }: JobState, why: string): ApiError {
  return new ApiError('job_conflict', `the job ${record.id} (${status}) ${why}`)
}
