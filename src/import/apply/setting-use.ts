import type { SyntaxNode } from '../python/syntax/node.ts'
import type { PythonFunction } from './python-function.ts'

/** A file of a NApp, parsed. */
export interface PythonFile {
  /** The NApp that it belongs to. */
  readonly namespace: string
  /** Relative to the folder of the NApp, with `/`. */
  readonly path: string
  readonly text: string
  readonly script: SyntaxNode
}

/** Where the value of a setting goes that is read in a function. */
export type Escape = 'none' | 'self' | 'global' | 'elsewhere'

/** One place that reads a setting. */
export interface SettingUse {
  /** The namespace of the setting. */
  readonly namespace: string
  /** The setting; `*` for a use of the whole module that may read or change any. */
  readonly name: string
  readonly file: PythonFile
  readonly line: number
  readonly within: PythonFunction
  /** Set for what Python evaluates once, while it imports the file. */
  readonly atImport: 'module' | 'class' | 'default' | 'decorator' | undefined
  readonly escape: Escape
  /** True for the interval of `execute_as_loop`. */
  readonly isLoopInterval: boolean
  /** True within `while True`. */
  readonly inLoop: boolean
  /** How the file imported the setting itself, under its own name or another; absent when by its module. */
  readonly importedAs: 'same' | 'other' | undefined
  /** True when the NApp itself assigns the setting. */
  readonly isAssigned: boolean
}

/** What the files of a NApp are known to bind; it grows with each walk. */
export interface Knowledge {
  /** Attributes that hold the settings module of a namespace: `self.settings`. */
  readonly attributes: Map<string, string>
  /** Functions that return settings, by name: the settings, as `namespace name`. */
  readonly returns: Map<string, Set<string>>
  /** The local variables of each function that have settings, or values made of them. */
  readonly locals: Map<string, Map<string, Set<string>>>
}

export function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key)
  if (known) known.add(value)
  else sets.set(key, new Set([value]))
}

/** The inner map of a key, made where there is none. */
export function mapIn<Value>(maps: Map<string, Map<string, Value>>, key: string): Map<string, Value> {
  const known = maps.get(key) ?? new Map<string, Value>()
  maps.set(key, known)
  return known
}
