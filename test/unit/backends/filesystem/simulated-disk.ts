import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Disk, JournalFile } from '../../../../backends/filesystem/journal/journal-folder.ts'

/** Small, so that one record spans several. */
const PAGE = 128

/** What the next call to the disk is to do: work, fail, or fail in a way that leaves half of it done. */
export type Luck = 'works' | 'fails' | 'half'

interface Content {
  readonly cached: Map<number, Buffer>
  length: number
  readonly durable: Map<number, Buffer>
  durableLength: number
  readonly dirty: Set<number>
  /** The name outlives a crash. */
  named: boolean
}

/**
 * A disk with a page cache that forgets as real ones may: what was not synced reaches the platter page by
 * page, in any order, or not at all, and after a failed sync the pages count as clean though nobody knows
 * whether they were written.
 */
export class SimulatedDisk implements Disk {
  readonly #files = new Map<string, Content>()
  readonly #luck: () => Luck
  readonly #coin: () => boolean

  constructor(luck: () => Luck, coin: () => boolean) {
    this.#luck = luck
    this.#coin = coin
  }

  async open(path: string, fresh: boolean): Promise<JournalFile> {
    if (this.#luck() === 'fails') throw failure('EMFILE')
    const name = basename(path)
    let file = this.#files.get(name)
    if (!file || fresh) {
      file = {
        cached: new Map(),
        length: 0,
        durable: new Map(),
        durableLength: 0,
        dirty: new Set(),
        named: file?.named ?? false,
      }
      this.#files.set(name, file)
    }
    return this.#handle(file)
  }

  async syncFolder(): Promise<void> {
    const luck = this.#luck()
    for (const file of this.#files.values())
      if (luck === 'works' || (luck === 'half' && this.#coin())) file.named = true
    if (luck !== 'works') throw failure('EIO')
  }

  /**
   * What is left when the machine loses power at this moment; the function that is given writes it into a
   * real folder.
   */
  crash(): (folder: string) => Promise<void> {
    const images = new Map<string, Buffer>()
    for (const [name, file] of this.#files) {
      if (!file.named && !this.#coin()) continue
      this.#flush(file, () => this.#coin())
      const bytes = Buffer.alloc(file.durableLength)
      for (const [page, content] of file.durable) content.copy(bytes, page * PAGE)
      images.set(name, bytes)
    }
    return async folder => {
      await mkdir(folder, { recursive: true })
      for (const [name, bytes] of images) await writeFile(join(folder, name), bytes)
    }
  }

  #handle(file: Content): JournalFile {
    return {
      write: async (bytes, offset) => {
        const luck = this.#luck()
        const done = luck === 'works' ? bytes.length : luck === 'half' ? bytes.length >> 1 : 0
        for (let at = 0; at < done; at++) this.#put(file, offset + at, bytes[at] ?? 0)
        if (luck !== 'works') throw failure('ENOSPC')
      },
      sync: async () => {
        const luck = this.#luck()
        this.#flush(file, luck === 'works' ? () => true : () => this.#coin())
        if (luck !== 'works') throw failure('EIO')
      },
      truncate: async length => {
        if (this.#luck() !== 'works') throw failure('EIO')
        for (const page of [...file.cached.keys()]) {
          if (page * PAGE >= length) {
            file.cached.delete(page)
            file.durable.delete(page)
            file.dirty.delete(page)
          } else if ((page + 1) * PAGE > length) {
            file.cached.get(page)?.fill(0, length - page * PAGE)
            file.dirty.add(page)
          }
        }
        file.length = length
        file.durableLength = Math.min(file.durableLength, length)
        this.#flush(file, () => true)
      },
      close: async () => {},
    }
  }

  #put(file: Content, at: number, byte: number): void {
    const page = Math.floor(at / PAGE)
    const content = file.cached.get(page) ?? Buffer.alloc(PAGE)
    content[at - page * PAGE] = byte
    file.cached.set(page, content)
    file.dirty.add(page)
    file.length = Math.max(file.length, at + 1)
  }

  #flush(file: Content, reaches: () => boolean): void {
    for (const page of file.dirty) {
      const content = file.cached.get(page)
      if (!content || !reaches()) continue
      file.durable.set(page, Buffer.from(content))
      file.durableLength = Math.max(file.durableLength, Math.min(file.length, (page + 1) * PAGE))
    }
    file.dirty.clear()
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}, simulated`), { code })
}
