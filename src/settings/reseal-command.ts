import type { ResealResult } from '../../events/commands/secrets-commands.ts'
import { parseComment } from '../../events/content.ts'
import type { Handlers } from '../../events/event.ts'
import type { CommandContent } from '../../events/map.ts'
import { parseNamespace, parseScope } from '../../model/namespace.ts'
import type { Watcher } from '../watcher/watcher.ts'
import type { Resealer } from './resealer.ts'
import { requireReady } from './write/ready.ts'
import { unknownNamespace } from './write/unknown-namespace.ts'

/** The handler of `kytos.settings.reseal`. */
export function resealHandlers(resealer: Resealer, watcher: Watcher, controller: string) {
  return {
    'kytos.settings.reseal': async (
      content: CommandContent<'kytos.settings.reseal'>,
    ): Promise<ResealResult> => {
      const namespace = parseNamespace(content.namespace)
      const scope = content.scope === undefined ? undefined : parseScope(content.scope, controller)
      parseComment(content.comment)
      requireReady(watcher)
      if (!watcher.cache.namespaces().includes(namespace)) throw unknownNamespace(watcher.cache, namespace)
      return { namespace, ...(await resealer.reseal(namespace, scope)) }
    },
  } satisfies Partial<Handlers>
}
