import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reasonOf } from '../../model/failure.ts'

/** A place of a stack: a URL or a path, a query that is dropped, the line and perhaps the column. */
const PLACE = /(?:(file:\/\/\/[^\s?:)]+)|(\/[^?:)\n]+))(?:\?[^\s:)]*)?:(\d+)(?::(\d+))?/g
const PACKAGES = `${sep}node_modules${sep}`

/**
 * The first `FILE:LINE[:COLUMN]` of an error's stack that is inside a folder, preferably outside its
 * `node_modules`; undefined if no frame is inside.
 */
export function placeIn(folder: string, error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const places = [...stack.matchAll(PLACE)]
    .map(([, url, path, ...numbers]) => [url ? fileURLToPath(url) : path, ...numbers.filter(Boolean)])
    .filter(([file = '']) => file.startsWith(folder + sep))
  const own = places.find(([file = '']) => !file.slice(folder.length).includes(PACKAGES))
  return (own ?? places[0])?.join(':')
}

/** The reason of a failure in one sentence without a full stop, with its place inside a folder if known. */
export function describeFailure(folder: string, error: unknown): string {
  return withPlace(reasonOf(error), placeIn(folder, error))
}

/** A reason without its full stop, followed by a place that it does not contain yet. */
export function withPlace(reason: string, place: string | undefined): string {
  const bare = reason.replace(/\.$/, '')
  return place === undefined || bare.includes(place) ? bare : `${bare} (${place})`
}

/** The result of `work`, whose error has the frames of `caller` in its stack, too. */
export async function traced<T>(caller: Error, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error) error.stack = `${error.stack}\n${caller.stack?.replace(/^Error.*\n/, '')}`
    throw error
  }
}
