import type { SyntaxNode } from '../python/syntax/node.ts'
import type { PythonFunction } from './python-function.ts'
import type { SettingsBinding } from './python-imports.ts'
import { textOf } from './python-names.ts'
import type { Escape, SettingUse } from './setting-use.ts'

/** The value of a node goes nowhere. */
export const NOTHING_KEPT = { escape: 'none', binds: [], isReturned: false } as const

/** What surrounds a node: it decides when the node is evaluated, and where its value goes. */
export interface Place {
  readonly within: PythonFunction
  /** The function in {@link Knowledge}. */
  readonly key: string
  readonly bindings: ReadonlyMap<string, SettingsBinding>
  readonly fresh: ReadonlySet<string>
  readonly atImport: SettingUse['atImport']
  readonly inLoop: boolean
  readonly escape: Escape
  /** The local variables that get the value, or one made of it. */
  readonly binds: readonly string[]
  readonly isReturned: boolean
  readonly isLoopInterval: boolean
}

/** The local variables that an assignment gives a value, itself or a part of a container that it made. */
export function boundBy(target: SyntaxNode, { fresh }: Place, text: string): readonly string[] {
  if (target.name === 'VariableName') return [textOf(target, text)]
  const root = rootOf(target, text)
  return target.name === 'MemberExpression' && fresh.has(root) ? [root] : []
}

/** How far a value goes that is assigned to a target, or kept by the object of a method. */
export function escapeOf(target: SyntaxNode, { within, fresh }: Place, text: string): Escape {
  if (target.name === 'VariableName')
    return within.isModule || within.globals.has(textOf(target, text)) ? 'global' : 'none'
  if (target.name !== 'MemberExpression') return 'none'
  const root = rootOf(target, text)
  if (fresh.has(root)) return 'none'
  return root === 'self' || root === 'cls' ? 'self' : 'elsewhere'
}

/** `a` of `a.b[c]`. */
function rootOf(target: SyntaxNode, text: string): string {
  return /^\w+/.exec(textOf(target, text))?.[0] ?? ''
}
