import type { Command, Heard, History, Listener, StoreLife, StoreRevision } from '../history.ts'
import { type Act, readAct, simulate } from './simulator.ts'

/*
 * Ways to spoil a right history. Each gives another one and leaves the first as it was.
 */

/**
 * A round in which nothing is taken from the store; listeners: bus of one, reader of one, bus of two, reader
 * of two.
 */
export function quietRound(): History {
  return simulate(
    acts(
      'patch 0, patch 1, own 0, own 1, together 0, box 0, box 1, unbox 0, register 0, register 2, register 5, register 3, edit 0, patch 0, schema 1, read 0',
      'lost answer 1, lost answer 3, dead 1, refused 0, reader away 1, patch 0, box 2, reader back 1, away 1, patch 2, own 0, back 1, patch 1, read 1, patch 0',
    ),
  )
}

/** A round with a compaction that one controller misses, and a restored backup. */
export function brokenRound(): History {
  return simulate(
    acts(
      'patch 0, patch 1, box 0, away 1, patch 0, patch 2, box 1, compact 0, patch 1, back 1, patch 0, restore 5, patch 0, box 0, patch 1',
    ),
  )
}

/** A round that ends with a difference for one controller. */
export function differingRound(): History {
  return simulate(acts('patch 0, patch 1, away 1, patch 0, patch 2, patch 1, compact 0, back 1'))
}

/** All that a controller knows at the end, as its reader is told. */
export function finalSnapshot({ finals }: History, index: number): Heard {
  const { epoch = 0, revision = '', data = {} } = finals[index] ?? {}
  const namespaces = Object.fromEntries(
    Object.entries(data).map(([namespace, one]) => [namespace, { data: one, revision: '0' }]),
  )
  return {
    name: 'settings.snapshot',
    at: 99_999n,
    content: { namespaces, epoch, revision, cursor: `${epoch}.${revision}.999999999` },
  }
}

/** A round with changes of several namespaces at once. */
export function jointRound(): History {
  return simulate(acts('patch 0, transaction 0, patch 1, transaction 1, patch 2'))
}

/** A round in which boxes are fought over; all changes are answered. */
export function boxRound(): History {
  return simulate(
    acts(
      'box 0, look 0, vain box 0, guarded box 3, patch box 0, look 0, guarded box 5, unbox 0, look 0, unbox 0, vain box 0, box 0, unbox 0, box 0, patch box 0, patch 0, box 1, guarded box 10',
    ),
  )
}

/** A round in which the answers of some changes of boxes are lost. */
export function lostBoxRound(): History {
  return simulate(
    acts('lost box 1, box 0, lost box 3, lost box 4, box 1, lost box 4, patch box 1, look 1, unbox 1'),
  )
}

/**
 * A round with changes of several documents and scopes at once, guarded ones, and ones that a hook refuses.
 */
export function mixedRound(): History {
  return simulate(
    acts(
      'patch 0, drop 0, patch 1, drop 1, transfer 1, transfer 2, register 2, transfer 5, guarded 1, guarded 4, guarded 3, guarded 2, guarded 8, patch 2',
    ),
  )
}

/** A round in which other clients write past the service. */
export function handRound(): History {
  return simulate(
    acts(
      'patch 0, edit 0, patch 0, edit 1, edit 1, box 0, hand box 3, patch box 0, hand box 0, box 0, erase 1, patch 1, remove 0, patch 0',
    ),
  )
}

/**
 * A round in which tokens are made, used and revoked at two controllers, one of which is away for a while.
 */
export function tokenRound(): History {
  return simulate(
    acts(
      'patch 0, token 0, token 1, show 0, show 1, away 1, revoke 0, show 0, show 2, patch 0, back 1, show 1, show 0, revoke 0, token 0, patch 0',
    ),
  )
}

/** A round in which a controller dies and comes back. */
export function deadlyRound(): History {
  return simulate(acts('patch 0, patch 1, box 0, restart 0, patch 0, patch 1'))
}

function acts(...lists: readonly string[]): Act[] {
  return lists.flatMap(list => list.split(', ').map(readAct))
}

/** With what one listener heard changed. */
export function rehear(
  history: History,
  index: number,
  change: (heard: Heard[]) => readonly Heard[],
): History {
  return {
    ...history,
    listeners: history.listeners.map(
      (one, i): Listener => (i === index ? { ...one, heard: change([...one.heard]) } : one),
    ),
  }
}

/** With the content of one thing heard changed. */
export function reword(history: History, index: number, place: number, content: object): History {
  return rehear(history, index, heard =>
    heard.map((one, i) =>
      i === place ? { ...one, content: { ...one.content, ...content } as Heard['content'] } : one,
    ),
  )
}

/** Places of the facts that one listener heard and that are such ones. */
export function placesOf(
  { listeners }: History,
  index: number,
  isSuch: (heard: Heard) => boolean = () => true,
): number[] {
  const heard = listeners[index]?.heard ?? []
  return heard.flatMap((one, i) => (one.name.endsWith('.changed') && isSuch(one) ? [i] : []))
}

/** With some commands changed. */
export function recommand(
  history: History,
  isSuch: (command: Command) => boolean,
  change: (command: Command) => Partial<Command>,
): History {
  return {
    ...history,
    commands: history.commands.map(one => (isSuch(one) ? { ...one, ...change(one) } : one)),
  }
}

/** With the revisions of the last life changed. */
export function rewrite(
  history: History,
  change: (revisions: StoreRevision[]) => readonly StoreRevision[],
): History {
  const last = history.lives.length - 1
  return {
    ...history,
    lives: history.lives.map(
      (life, i): StoreLife => (i === last ? { revisions: change([...life.revisions]) } : life),
    ),
  }
}

/** The first command that is such a one. @throws Error when there is none. */
export function commandOf({ commands }: History, isSuch: (command: Command) => boolean): Command {
  const found = commands.find(isSuch)
  if (!found) throw new Error('The round has no such command.')
  return found
}

/** The last element. @throws Error when there is none. */
export function last<T>(items: readonly T[]): T {
  const item = items.at(-1)
  if (item === undefined) throw new Error('The round has nothing of the kind.')
  return item
}
