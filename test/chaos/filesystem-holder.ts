import { createInterface } from 'node:readline'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { type Key, parseKey } from '../../model/key.ts'

/*
 * A process that does with a store what it is told: `filesystem-holder <path>`, then a line each: `open`,
 * `close`, `put <key> <characters>`, or `get <key>`. Answers a line each: `ok <revision>` or `ok <text>`, or
 * `<code> <message>`. Ends with its input.
 */

const [path = ''] = process.argv.slice(2)
let backend = createFilesystemBackend({ path }, { report: () => {} })

const acts: Readonly<Record<string, (key: Key, size: string) => Promise<bigint | string | undefined>>> = {
  async open() {
    await backend.open()
    return 0n
  },
  async close() {
    await backend.close()
    backend = createFilesystemBackend({ path }, { report: () => {} })
    return 0n
  },
  async put(key, size) {
    const outcome = await backend.commit([
      { key, put: JSON.stringify({ pid: process.pid, padding: 'x'.repeat(Number(size)) }) },
    ])
    return outcome.committed ? outcome.revision : 0n
  },
  async get(key) {
    return (await backend.get(key))?.text
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [act = '', name = '', size = '0'] = line.split(' ')
  const key = parseKey(name || 'meta/none')
  try {
    console.log(key ? `ok ${await acts[act]?.(key, size)}` : `failed: no key ${name}`)
  } catch (error) {
    console.log(isSettingsError(error) ? `${error.code} ${error.message}` : `failed ${error}`)
  }
}
await backend.close()
