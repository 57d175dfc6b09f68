/*
 * What a pickle of plain data holds. Lists, dicts and sets are filled after they were made, and may stand in
 * several places, or in themselves.
 */

/** Something that a pickle may name: a class or a function of the allow-list. */
export interface Global {
  readonly type: 'global'
  readonly name: GlobalName
}
/** A box of storehouse, its members once they were given. */
export interface PickledBox {
  readonly type: 'box'
  readonly members: Map<string, Pickled>
}
export interface PickledDict {
  readonly type: 'dict'
  readonly entries: (readonly [Pickled, Pickled])[]
}

export type Pickled =
  | { readonly type: 'none' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'str'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'list' | 'tuple' | 'set' | 'frozenset'; readonly items: Pickled[] }
  /** As Python's `isoformat()`. */
  | { readonly type: 'datetime'; readonly value: string }
  /** Of a time zone or a duration, in microseconds. */
  | { readonly type: 'timedelta' | 'timezone'; readonly value: number }
  | PickledDict
  | PickledBox
  | Global

/**
 * The names that a pickle may use; Python 2's spelling of them, which protocols 0 to 2 have, is the same to
 * us.
 */
export const GLOBALS = {
  'napps.kytos.storehouse.main.Box': 'Box',
  'copyreg._reconstructor': 'reconstructor',
  'copyreg.__newobj__': 'newobj',
  'builtins.object': 'object',
  'builtins.set': 'set',
  'builtins.frozenset': 'frozenset',
  'builtins.bytes': 'bytes',
  '_codecs.encode': 'encode',
  'datetime.datetime': 'datetime',
  'datetime.date': 'date',
  'datetime.timedelta': 'timedelta',
  'datetime.timezone': 'timezone',
} as const

export type GlobalName = (typeof GLOBALS)[keyof typeof GLOBALS]

/** Why a pickle is not read, as a phrase for people. */
export class PickleRefused extends Error {
  override readonly name = 'PickleRefused'
}

export function refuse(reason: string): never {
  throw new PickleRefused(reason)
}
