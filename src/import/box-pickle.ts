import type { Json } from '../../model/value.ts'
import { pickledToJson } from './pickle/json.ts'
import { readPickle } from './pickle/machine.ts'
import { type Pickled, PickleRefused } from './pickle/value.ts'

/** A box of storehouse as its pickle tells it. */
export interface PickledBoxContent {
  readonly namespace: string | undefined
  readonly box_id: string | undefined
  readonly data: Json
  readonly owner: string | undefined
  /** ISO 8601 in UTC, as exact as it was; undefined when it is not told, or not as a time. */
  readonly created_at: string | undefined
  /** What JSON cannot tell any more, in words. */
  readonly lost: readonly string[]
}

/** `2020-01-02 03:04:05.678901`, as `str(datetime.utcnow())` has it. */
const MOMENT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:\+00:00|Z)?$/

/** Reads a box without running anything of its pickle. Answers why it is refused, instead, as a phrase. */
export function readBoxPickle(bytes: Uint8Array): PickledBoxContent | { readonly refused: string } {
  try {
    const box = readPickle(bytes)
    if (box.type !== 'box') return { refused: `it contains a ${box.type}, not a box` }
    const { members } = box
    const data = members.get('data')
    if (!data) return { refused: 'its box has no data' }
    const lost = new Set<string>()
    return {
      namespace: asText(members.get('namespace')),
      box_id: asText(members.get('box_id')),
      owner: asText(members.get('owner')),
      created_at: readMoment(members.get('created_at')),
      data: pickledToJson(data, lost),
      lost: [...lost].sort(),
    }
  } catch (error) {
    if (error instanceof PickleRefused) return { refused: error.message }
    throw error
  }
}

function asText(value: Pickled | undefined): string | undefined {
  return value?.type === 'str' && value.value !== '' ? value.value : undefined
}

function readMoment(value: Pickled | undefined): string | undefined {
  const text = value?.type === 'str' || value?.type === 'datetime' ? value.value : ''
  const [, date, time] = MOMENT.exec(text) ?? []
  const moment = `${date}T${time}Z`
  return date !== undefined && !Number.isNaN(Date.parse(moment)) ? moment : undefined
}
