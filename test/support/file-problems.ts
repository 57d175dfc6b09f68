import type { Backend, FileProblem } from '../../backends/backend.ts'
import { createMemoryBackend } from '../../backends/memory/index.ts'
import { SettingsError } from '../../model/errors.ts'
import type { Key } from '../../model/key.ts'

/** A memory store that simulates problems with readable files. */
export interface FilesStage {
  readonly backend: Backend
  /** The current problems, in byte order of the keys. */
  problems: FileProblem[]
  /** The keys of each call of `restoreFiles`. */
  readonly calls: (readonly Key[] | undefined)[]
  /** True makes every restoration fail. */
  isReadOnly: boolean
  add(code: FileProblem['code'], ...keys: readonly Key[]): void
}

/** The file of a document in this stage. */
export const sourceOf = (key: Key): string => `/store/${key}.json`

export function createFilesStage(backend = createMemoryBackend()): FilesStage {
  const stage: FilesStage = {
    backend,
    problems: [],
    calls: [],
    isReadOnly: false,
    add(code, ...keys) {
      const made = keys.map(key => ({
        code,
        key,
        source: sourceOf(key),
        message: `The file of ${key} is ${code}.`,
      }))
      stage.problems = [...stage.problems, ...made].sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }
  Object.assign(backend, {
    fileProblems: () => stage.problems,
    async restoreFiles(keys?: readonly Key[]) {
      stage.calls.push(keys)
      if (stage.isReadOnly) throw new SettingsError('STORE_UNWRITABLE', 'The file system is read-only.')
      const isMeant = ({ key, code }: FileProblem) => code === 'FILE_MISSING' && (!keys || keys.includes(key))
      const restored = stage.problems.filter(isMeant).map(({ key }) => key)
      stage.problems = stage.problems.filter(problem => !isMeant(problem))
      return restored
    },
  } satisfies Pick<Backend, 'fileProblems' | 'restoreFiles'>)
  return stage
}
