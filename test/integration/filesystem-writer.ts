import { setTimeout as sleep } from 'node:timers/promises'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { makeKey } from '../../model/key.ts'

/*
 * A process that writes to a store until it is killed, for the tests of the state after a kill:
 * `filesystem-writer.ts <path> <writers>`. It prints `open <revision>`, then `<writer> <count> <revision>`
 * for each acknowledged commit. Each commit puts the same count under three keys. Without writers it only
 * holds the store open.
 */

const [path = '', writers = '0'] = process.argv.slice(2)
const compaction = { log: 64 * 1024, tail: 128 * 1024, ratio: 2 }
const backend = createFilesystemBackend(
  { path },
  { report: problem => console.log(`report ${problem.code}`) },
  { compaction },
)

try {
  await backend.open()
} catch (error) {
  console.log(
    `failed ${error instanceof Error && 'code' in error ? error.code : 'unknown'} ${error instanceof Error ? error.message : error}`,
  )
  process.exit(1)
}
console.log('open 0')
await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(String(writer))))
for (;;) await sleep(1_000)

async function write(writer: string): Promise<never> {
  const keys = [
    makeKey('settings', 'kytos', `n${writer}`),
    makeKey('meta', writer),
    makeKey('boxes', 'net', writer),
  ]
  const stored = await backend.get(makeKey('meta', writer))
  for (let count = (stored ? Number(JSON.parse(stored.text).count) : 0) + 1; ; count++) {
    const put = JSON.stringify({ count, padding: 'x'.repeat(count % 500) })
    const outcome = await backend.commit(keys.map(key => ({ key, put })))
    if (outcome.committed) console.log(`${writer} ${count} ${outcome.revision}`)
  }
}
