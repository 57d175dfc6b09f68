import type { Revision } from '../../model/document.ts'
import type { Key } from '../../model/key.ts'
import { createClient, type EtcdOptions } from './connection/client.ts'
import { type Failure, readFailure } from './connection/errors.ts'

/** A key as it was at a revision. */
export interface PastKey {
  readonly key: Key
  readonly at: Revision
}

/** A key with its text at a revision. */
export interface PastText extends PastKey {
  readonly text: string
}

/** The texts that etcd still keeps of past revisions. */
export interface PastTexts {
  readonly kept: readonly PastText[]
  /** The reason why not all were read. */
  readonly failure?: string
}

/** The keys that are read at the same time. */
const PARALLEL = 16

/**
 * Reads keys as they were, the newest revision first, until one was compacted: all before it were too. Changes
 * nothing.
 */
export async function readPastTexts(options: EtcdOptions, keys: readonly PastKey[]): Promise<PastTexts> {
  const newestFirst = [...keys].sort((a, b) => Number(b.at - a.at))
  let last: PastTexts = { kept: [] }
  for (const endpoint of options.endpoints) {
    last = await readFrom(options, endpoint, newestFirst)
    if (last.failure === undefined) break
  }
  return last
}

async function readFrom(
  options: EtcdOptions,
  endpoint: string,
  keys: readonly PastKey[],
): Promise<PastTexts> {
  const client = createClient(options, endpoint)
  const readOne = async ({ key, at }: PastKey): Promise<PastText | Failure | undefined> => {
    const address = Buffer.from(`${options.prefix}/${key}`)
    const found = await client.kv.range({ key: address, revision: String(at) }).catch(readFailure)
    if ('kind' in found) return found
    const [entry] = found.kvs
    return entry && { key, at, text: entry.value.toString('utf8') }
  }
  const kept: PastText[] = []
  try {
    for (let i = 0; i < keys.length; i += PARALLEL) {
      const read = await Promise.all(keys.slice(i, i + PARALLEL).map(readOne))
      for (const one of read) if (one && 'text' in one) kept.push(one)
      const failed = read.find(one => one !== undefined && 'kind' in one)
      if (failed && 'kind' in failed)
        return failed.code === 'HISTORY_LOST' ? { kept } : { kept, failure: failed.reason }
    }
    return { kept }
  } finally {
    client.close()
  }
}
