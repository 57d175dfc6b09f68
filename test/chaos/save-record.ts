import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Writes a record of a round, such as its history, to `NAME.json` in a fresh folder that is kept; returns the
 * path.
 */
export async function saveRecord(name: string, record: unknown): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'kytos-chaos-')), `${name}.json`)
  await writeFile(
    path,
    JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? String(value) : value), 1),
  )
  return path
}
