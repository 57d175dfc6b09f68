import { makeKey } from '../../../model/key.ts'
import { equalJson, type Json, type JsonObject } from '../../../model/value.ts'
import type { Final } from '../history.ts'
import type { Findings } from './findings.ts'
import { boxData, isDocument, type Step } from './moment.ts'
import type { Truth } from './truth.ts'
import { World } from './world.ts'

/** Once all is calm every controller knows what the store holds, and nothing had to be mended. */
export function checkFinals(finals: readonly Final[], truth: Truth, findings: Findings): void {
  const end = truth.lives.at(-1)?.path.at(-1)
  const world = new World()
  world.moveTo(end)
  const living = [...world.steps()].filter(({ text }) => text !== undefined)
  for (const final of finals) {
    const wrong = (what: string): void => findings.wrong(`${final.controller}, at the end: ${what}.`)
    if (final.state !== 'READY') wrong(`it is ${final.state}`)
    if (final.repairs > 0) wrong(`${final.repairs} differences between cache and store had to be repaired`)
    if (final.epoch !== (end?.epoch ?? 0)) wrong(`it is in epoch ${final.epoch}, the store in ${end?.epoch}`)
    // What others keep beside our keys counts revisions too.
    if (BigInt(final.revision) < (end?.revision ?? 0n))
      wrong(`it is at revision ${final.revision}, the store at ${end?.revision}`)
    const own = `controllers/${makeKey('settings', final.controller).slice('settings/'.length)}/`
    const mine = living.filter(
      ({ key }) => isDocument(key) && (key.startsWith('settings/') || key.startsWith(own)),
    )
    compare('the overrides', final.overrides, contentOf(mine), wrong)
    compare(
      'the boxes',
      final.boxes,
      new Map(living.flatMap(step => (step.key.startsWith('boxes/') ? [[step.key, boxData(step)]] : []))),
      wrong,
    )
    compareData(final, mine, world, wrong)
  }
}

function contentOf(steps: readonly Step[]): Map<string, JsonObject | undefined> {
  return new Map(steps.map(({ key, content }) => [key, content]))
}

/** A text that is no JSON object is presented as it can be. */
function compare(
  what: string,
  known: Readonly<Record<string, Json>>,
  stored: ReadonlyMap<string, Json | undefined>,
  wrong: (what: string) => void,
): void {
  for (const [key, value] of stored) {
    if (value !== undefined && !equalJson(known[key], value))
      wrong(`${what} of ${key} are not those in the store`)
  }
  for (const key of Object.keys(known)) if (!stored.has(key)) wrong(`${what} of ${key} are not in the store`)
}

function compareData(
  { controller, data }: Final,
  mine: readonly Step[],
  world: World,
  wrong: (what: string) => void,
): void {
  const namespaces = new Set(mine.map(({ key }) => decodeURIComponent(key.split('/').slice(-2).join('/'))))
  for (const namespace of new Set([...namespaces, ...Object.keys(data)])) {
    const parts = namespace.split('/')
    const stored = world.effective({
      cluster: makeKey('settings', ...parts),
      own: makeKey('controllers', controller, ...parts),
    })
    if (stored && !equalJson(data[namespace], stored))
      wrong(`the settings of ${namespace} are not those in the store`)
  }
}
