import { dirname } from 'node:path'
import { type FolderIdentity, identifyFolder, isSameFolder } from '../reconcile/folder-identity.ts'
import { makeDurable } from '../reconcile/replace-file.ts'

/** The largest number of folders whose own names are remembered as durable. */
const MAX_FOLDERS = 10_000

/** Makes the names in folders durable, and the names of these folders, up to the folder of the store. */
export class DurableFolders {
  readonly #root: string
  readonly #durable = new Map<string, FolderIdentity>()

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Makes the names in a folder below the root durable. Its own name and those of the folders above it are
   * made durable once for each folder.
   */
  async sync(folder: string): Promise<void> {
    await makeDurable(folder)
    for (let path = folder; path !== this.#root; path = dirname(path)) {
      const now = identifyFolder(path)
      if (isSameFolder(this.#durable.get(path), now)) continue
      await makeDurable(dirname(path))
      if (this.#durable.size >= MAX_FOLDERS) this.#durable.clear()
      if (now) this.#durable.set(path, now)
    }
  }
}
