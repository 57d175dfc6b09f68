import { readdir, readFile, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds of CPU below which a pause counts as idle: timers of the service take less. */
const IDLE_MS = 0.5
const IDLE_PAUSE_MS = 4
const MAX_PAUSES = 1_000

/** The CPU milliseconds of a process, of all its threads since their start, to the nanosecond. */
export async function cpuOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`)
  const times = await Promise.all(
    threads.map(async thread => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')
      return Number(text.split(' ')[0]) / 1e6
    }),
  )
  return times.reduce((sum, one) => sum + one, 0)
}

/** The CPU milliseconds of a process once two readings in a row are about equal, so that it is idle. */
export async function idleCpuOf(pid: number): Promise<number> {
  let before = await cpuOf(pid)
  for (let i = 0; i < MAX_PAUSES; i++) {
    await pause(IDLE_PAUSE_MS)
    const now = await cpuOf(pid)
    if (now - before < IDLE_MS) return now
    before = now
  }
  return before
}

/** Forgets the most memory that a process had, so that {@link mostMemoryOf} tells of the time from now on. */
export async function forgetMostMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

/** The most resident memory of a process since its start, or since it was forgotten, in MiB. */
export async function mostMemoryOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1]) / 1_024
}
