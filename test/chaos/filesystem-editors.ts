import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseJson, printJson } from '../../model/json.ts'
import { isObject, type JsonObject } from '../../model/value.ts'
import type { Random } from './random.ts'

/*
 * How people's editors save a file. Each one reads and begins to save in one step, for by contract a save of
 * what was read before the file was rewritten takes back what was committed in between; between the first
 * byte and the last it may take its time.
 */

/** Sets keys in the object that a file holds, as an editor saves it. */
export type Editor = (file: string, keys: JsonObject, random: Random) => Promise<void>

export const EDITORS: Readonly<Record<string, Editor>> = {
  'writes in place': async (file, keys) => {
    writeFileSync(file, withKeys(file, keys))
  },
  'renames a new file over it': async (file, keys) => {
    writeFileSync(`${file}~`, withKeys(file, keys))
    renameSync(`${file}~`, file)
  },
  'renames it away and writes a new one': async (file, keys) => {
    const content = withKeys(file, keys)
    writeFileSync(file.replace(/[^/]*$/, '4913'), '')
    renameSync(file, `${file}~`)
    writeFileSync(file, content)
    rmSync(`${file}~`)
    rmSync(file.replace(/[^/]*$/, '4913'))
  },
  'truncates it and writes in pieces': async (file, keys, random) => {
    const content = withKeys(file, keys)
    const descriptor = openSync(file, 'w')
    try {
      for (let done = 0, part = 0; done < content.length; done += part) {
        await sleep(random.between(0, 60))
        part = random.between(1, content.length)
        writeSync(descriptor, content.slice(done, done + part), done)
      }
    } finally {
      closeSync(descriptor)
    }
  },
  'overwrites it and cuts the rest': async (file, keys) => {
    const content = withKeys(file, keys)
    const descriptor = openSync(file, 'r+')
    writeSync(descriptor, content, 0)
    ftruncateSync(descriptor, content.length)
    closeSync(descriptor)
  },
  'saves twice': async (file, keys, random) => {
    writeFileSync(file, withKeys(file, keys))
    await sleep(random.between(0, 150))
    writeFileSync(file, withKeys(file, keys))
  },
  'breaks it and mends it': async (file, keys, random) => {
    const content = withKeys(file, keys)
    writeFileSync(file, content.slice(0, -2))
    await sleep(random.between(0, 150))
    writeFileSync(file, content)
  },
}

function withKeys(file: string, keys: JsonObject): string {
  const value = parseJson(readFileSync(file, 'utf8'))
  if (!isObject(value)) throw new Error(`${file} holds no object.`)
  return printJson({ ...value, ...keys }, 4)
}
