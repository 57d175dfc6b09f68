import { dirname } from 'node:path'
import { type FolderIdentity, identifyFolder, isSameFolder } from './folder-identity.ts'
import { makeDurable } from './readable-file.ts'

/** Of how many folders is remembered that their own names are durable. */
const MOST = 10_000

/**
 * Makes the names in folders durable, together with the names of these folders themselves, up to the folder
 * of the store.
 */
export class DurableFolders {
  readonly #root: string
  readonly #named = new Map<string, FolderIdentity>()

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Makes the names in a folder below the root durable; its own name, and those of the folders above it, once
   * for each folder.
   */
  async sync(folder: string): Promise<void> {
    await makeDurable(folder)
    for (let path = folder; path !== this.#root; path = dirname(path)) {
      const now = identifyFolder(path)
      if (isSameFolder(this.#named.get(path), now)) continue
      await makeDurable(dirname(path))
      if (this.#named.size >= MOST) this.#named.clear()
      if (now) this.#named.set(path, now)
    }
  }
}
