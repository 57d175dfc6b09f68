import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file for the editor, readable only by its owner. */
export interface EditedFile {
  readonly file: string
  write(text: string): Promise<void>
  /** The content; undefined when the file no longer exists. */
  read(): Promise<string | undefined>
  remove(): Promise<void>
}

/** Creates the file for a name, in a folder of its own. */
export async function createEditedFile(name: string): Promise<EditedFile> {
  const folder = await mkdtemp(join(tmpdir(), 'kytos-settings-'))
  const file = join(folder, `${name.replaceAll('/', '.')}.jsonc`)
  return {
    file,
    write: text => writeFile(file, text, { mode: 0o600 }),
    read: () =>
      readFile(file, 'utf8').catch(error => {
        if (error.code === 'ENOENT') return undefined
        throw error
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
