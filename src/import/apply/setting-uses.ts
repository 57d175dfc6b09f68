import { FileWalk } from './file-walk.ts'
import type { PythonFunction } from './python-function.ts'
import type { Knowledge, PythonFile, SettingUse } from './setting-use.ts'

/** A walk is repeated while it learns something new; no real NApp takes as many. */
const MAX_WALKS = 64

/**
 * Every place of the files of one NApp that reads a setting, of this NApp or of another; and its functions.
 * `isWhole` is false when a value goes through more functions than are followed, so that uses may be missing.
 */
export function findSettingUses(files: readonly PythonFile[]): {
  readonly uses: readonly SettingUse[]
  readonly functions: readonly PythonFunction[]
  readonly isWhole: boolean
} {
  const knowledge: Knowledge = { attributes: new Map(), returns: new Map(), locals: new Map() }
  for (let walk = 1, before = -1; ; walk++) {
    const walks = files.map(file => new FileWalk(file, knowledge).run())
    const size = sizeOf(knowledge)
    if (size === before || walk === MAX_WALKS)
      return {
        uses: walks.flatMap(({ uses }) => uses),
        functions: walks.flatMap(({ functions }) => functions),
        isWhole: size === before,
      }
    before = size
  }
}

/** A count that grows whenever a walk learns something. */
function sizeOf({ attributes, returns, locals }: Knowledge): number {
  const sets = [...returns.values(), ...[...locals.values()].flatMap(names => [...names.values()])]
  return attributes.size + sets.reduce((sum, { size }) => sum + size, 0)
}
