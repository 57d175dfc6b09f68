import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJson, printJson } from '../../../model/json.ts'
import { equalJson, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import type { Removal, StoreLife, StoreRevision } from '../history.ts'
import type { HandEdit } from './editor.ts'

/** One sentence for each edit that was owed and never came into the store. */
export function lostEdits({ revisions }: StoreLife, edits: readonly HandEdit[]): string[] {
  const found = firstSeen(revisions, edits)
  return edits.flatMap(edit =>
    edit.owed && !found.has(edit)
      ? [
          `The edit by hand "${edit.value}" of ${edit.key} (saved ${edit.style}) is in no revision of the store: it was lost.`,
        ]
      : [],
  )
}

/**
 * One sentence for each gentle edit that came together with a change of anything else: what was committed
 * while it was saved was undone. A revision that also brought an edit of a person who had read an older file
 * is none of our business.
 */
export function undoneCommits({ revisions }: StoreLife, edits: readonly HandEdit[]): string[] {
  const together = new Map<string, [HandEdit, number][]>()
  for (const [edit, at] of firstSeen(revisions, edits)) {
    const place = `${at} ${edit.key}`
    together.set(place, [...(together.get(place) ?? []), [edit, at]])
  }
  return [...together.values()].flatMap(group => {
    const [first] = group
    if (!first || group.some(([edit]) => !edit.gentle)) return []
    const [edit, at] = first
    const before = revisions
      .slice(0, at)
      .findLast(({ changes }) => changes.some(({ key }) => key === edit.key))
    const [was, is] = [withoutHands(textOf(before, edit.key)), withoutHands(textOf(revisions[at], edit.key))]
    if (equalJson(was, is)) return []
    const sentence = `The edit by hand "${edit.value}" (saved ${edit.style}) undid in revision ${revisions[at]?.revision} of ${edit.key} what was committed`
    return [`${sentence}: ${JSON.stringify(difference(was, is)).slice(0, 500)}`]
  })
}

/** What happened to files that nobody edited. */
export interface FileMoves {
  /** The files that a person removed. */
  readonly removals: readonly Removal[]
  /** The files that came back with their folders, and what they held. */
  readonly returns: readonly { readonly key: string; readonly text: string }[]
}

/** How many of its newest texts the store surely knows again when a file comes back with its folder. */
const KNOWN_AGAIN = 250

/**
 * One sentence for each record of an edit by hand; for a store whose files nobody edited. The removal of a
 * file takes away what it held and no more; a file that comes back with a text from long ago counts as an
 * edit.
 */
export function imaginedEdits(
  { revisions }: StoreLife,
  { removals, returns }: FileMoves = { removals: [], returns: [] },
): string[] {
  const versions = new Map<string, JsonObject[]>()
  return revisions.flatMap(({ revision, changes }) =>
    changes.flatMap(({ key, text }) => {
      const document = /^history\/(.+)\/\d{12}$/.exec(key)?.[1]
      const record = document === undefined || text === undefined ? undefined : parseJson(text)
      if (document === undefined || !isObject(record)) return []
      const before = versions.get(document) ?? []
      const data = isObject(record.data) ? record.data : {}
      versions.set(document, [...before, data])
      if (!isObject(record.actor) || record.actor.type !== 'file') return []
      if (removals.some(removal => removal.key === document) && isPart(data, before.at(-1) ?? {})) return []
      if (returns.some(one => one.key === document && isOld(parseJson(one.text), before))) return []
      return [
        `Revision ${revision} has ${key} of an edit by hand, but nobody edited a file: ${String(text).slice(0, 300)}`,
      ]
    }),
  )
}

function isPart(data: JsonObject, whole: JsonObject): boolean {
  return Object.entries(data).every(([member, value]) => equalJson(whole[member], value))
}

function isOld(value: Json, versions: readonly JsonObject[]): boolean {
  const at = versions.findLastIndex(one => equalJson(one, value))
  return at >= 0 && versions.length - at > KNOWN_AGAIN
}

/** One sentence for each document of which the readable file does not show it. */
export function unshownFiles({ revisions }: StoreLife, store: string): string[] {
  const texts = new Map<string, string | undefined>()
  for (const { changes } of revisions) for (const { key, text } of changes) texts.set(key, text)
  return [...texts].flatMap(([key, text]) => {
    if (!/^(boxes|controllers|settings)\//.test(key)) return []
    const file = `${join(store, ...key.split('/'))}.json`
    const shown = existsSync(file) ? readFileSync(file, 'utf8') : undefined
    return shown === (text === undefined ? undefined : `${printJson(parseJson(text), 2)}\n`)
      ? []
      : [`${file} does not show its document ${text}: ${shown}`]
  })
}

/** The index of the revision that first holds each edit. */
function firstSeen(revisions: readonly StoreRevision[], edits: readonly HandEdit[]): Map<HandEdit, number> {
  const missing = new Map<string, Set<HandEdit>>()
  for (const edit of edits) missing.set(edit.key, (missing.get(edit.key) ?? new Set()).add(edit))
  const found = new Map<HandEdit, number>()
  for (const [at, { changes }] of revisions.entries()) {
    for (const { key, text } of changes) {
      for (const edit of text?.includes('by hand ') ? (missing.get(key) ?? []) : []) {
        if (!text?.includes(`"${edit.value}"`)) continue
        found.set(edit, at)
        missing.get(key)?.delete(edit)
      }
    }
  }
  return found
}

function textOf(revision: StoreRevision | undefined, key: string): string | undefined {
  return revision?.changes.find(change => change.key === key)?.text
}

function withoutHands(text: string | undefined): JsonObject {
  const value = text === undefined ? {} : parseJson(text)
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([member]) => !member.startsWith('hand_')))
    : {}
}

function difference(was: JsonObject, is: JsonObject): Record<string, string> {
  const members = new Set([...Object.keys(was), ...Object.keys(is)])
  return Object.fromEntries(
    [...members]
      .filter(name => !equalJson(was[name], is[name]))
      .map(name => [name, `${String(was[name])} -> ${String(is[name])}`.slice(0, 100)]),
  )
}
