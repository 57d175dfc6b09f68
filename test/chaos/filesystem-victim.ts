import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { EVERYTHING } from '../../model/key.ts'
import { SCRIPT, SMALL } from './filesystem-script.ts'
import { watchSteps } from './filesystem-steps.ts'

/*
 * Plays the script on a store, from the revision on that it finds, and kills itself with SIGKILL at a step:
 * `filesystem-victim <path> <step> <share>`. Says `doing <n>` before and `done <n>` after each action,
 * `edited <n>` after what a person did, `step <number> <name>` at each step, and `end` if it was never
 * killed. Its time runs faster, so that nobody has to wait for pauses that are made for people.
 */

const FASTER = 20
const [path = '', last = '0', share = '0'] = process.argv.slice(2)
const say = (text: string) => writeSync(1, `${text}\n`)

const { now } = performance
performance.now = () => now.call(performance) * FASTER
const { setTimeout: later } = globalThis
// The callback goes through as it is; only the delay is another one.
globalThis.setTimeout = Object.assign(
  (act: () => void, delay = 0) => later(act, delay / FASTER),
  later,
) as typeof setTimeout

let steps = 0
watchSteps(path, ({ number, name }) => {
  steps = number
  say(`step ${number} ${name}`)
  if (number !== Number(last)) return undefined
  return { share: share === '0.5' ? 0.5 : 0, end: die }
})

const backend = createFilesystemBackend(
  { path },
  { report: problem => say(`report ${problem.code} ${problem.message}`) },
  { compaction: SMALL },
)
await backend.open()
for (const [at, { operations, edit, removes }] of [...SCRIPT.entries()].slice(Number(await revision()))) {
  say(`doing ${at + 1}`)
  if (edit) {
    // An earlier life may have died when the file was removed already: its document was kept.
    if (removes) await backend.restoreFiles([removes])
    edit(path)
    say(`edited ${at + 1}`)
  } else await backend.commit(operations)
  while ((await revision()) <= BigInt(at)) await sleep(2)
  say(`done ${at + 1}`)
  await quiet()
}
await backend.close()
say('end')

async function revision(): Promise<bigint> {
  return (await backend.list(EVERYTHING)).revision
}

/** Resolves when nothing was done to the disk for as long as the store gathers notes. */
async function quiet(): Promise<void> {
  for (let seen = -1; seen !== steps; ) {
    seen = steps
    await sleep(40)
  }
}

function die(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal may be delivered to another thread a moment later: nothing more is done here.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
