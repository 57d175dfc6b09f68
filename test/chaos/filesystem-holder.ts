import { createInterface } from 'node:readline'
import { createFilesystemBackend } from '../../backends/filesystem/index.ts'
import { isSettingsError } from '../../model/errors.ts'
import { makeKey } from '../../model/key.ts'

/*
 * A process that does with a store what it is told: `filesystem-holder <path>`, then a line each: `open`, `close`, or `put <name> <characters>`, a commit of
 * `meta/<name>`. Answers a line each: `ok <revision>`, or `<code> <message>`. Ends with its input.
 */

const [path = ''] = process.argv.slice(2)
let backend = createFilesystemBackend({ path }, { report: () => {} })

const acts: Readonly<Record<string, (name: string, size: string) => Promise<bigint>>> = {
  async open() {
    await backend.open()
    return 0n
  },
  async close() {
    await backend.close()
    backend = createFilesystemBackend({ path }, { report: () => {} })
    return 0n
  },
  async put(name, size) {
    const outcome = await backend.commit([
      { key: makeKey('meta', name), put: JSON.stringify({ pid: process.pid, padding: 'x'.repeat(Number(size)) }) },
    ])
    return outcome.committed ? outcome.revision : 0n
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const [act = '', name = '', size = '0'] = line.split(' ')
  try {
    console.log(`ok ${await acts[act]?.(name, size)}`)
  } catch (error) {
    console.log(isSettingsError(error) ? `${error.code} ${error.message}` : `failed ${error}`)
  }
}
await backend.close()
