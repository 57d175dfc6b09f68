import type { Command } from 'commander'
import type { Description } from '../../events/map.ts'
import { isArray, type Json, type JsonObject, pointerToken } from '../../model/value.ts'
import { applyModeAt } from '../settings/apply-modes.ts'
import type { AddressOptions } from './address.ts'
import { type Path, printKey, valueAt } from './key-path.ts'
import { createPaper, harmless, type Paper } from './paper.ts'
import { printAnswer, show } from './print-answer.ts'
import { declaredPaths, firstSaid, schemasAt } from './schema-place.ts'
import { addServiceOptions, withService } from './service.ts'
import { type Cell, printTable } from './table.ts'
import type { World } from './world.ts'

interface DescribeOptions extends AddressOptions {
  readonly json?: boolean
}

/** One setting as its schema tells of it. */
export interface Declared {
  readonly path: Path
  readonly type: string
  readonly default: Json | undefined
  readonly apply: string
  readonly description: string
}

const EXAMPLES = `
Examples:
  kytos-settings describe kytos/link_discovery
  kytos-settings describe kytos/link_discovery --json | jq .schema

Applies: live, at once; reload, the NApp is told to read them again; restart, at its next start; never, only by hand.`
const LIMITS: readonly (readonly [keyword: string, sign: string])[] = [
  ['minimum', '>='],
  ['exclusiveMinimum', '>'],
  ['maximum', '<='],
  ['exclusiveMaximum', '<'],
]

/** Adds `describe`, which shows what can be set. */
export function addDescribeCommand(program: Command, world: World): void {
  addServiceOptions(program.command('describe'))
    .description('what can be set for a NApp: type, default, how a change takes effect')
    .argument('<napp>', 'username/name')
    .addHelpText('after', EXAMPLES)
    .action((namespace: string, _options, command: Command) => {
      const options = command.optsWithGlobals<DescribeOptions>()
      return withService(options, world, async service => {
        const description = await service.ask('kytos.settings.describe', { namespace })
        printAnswer(options.json, description, () => printDescription(description, createPaper(world.stdout, world.env)), world)
      })
    })
}

/** What a schema declares, in its order; an object that only holds others is left out. */
export function declaredIn({ schema, defaults, apply }: Description): readonly Declared[] {
  const paths = declaredPaths(schema)
  return paths
    .filter(path => !paths.some(other => other.length > path.length && path.every((key, i) => other[i] === key)))
    .map(path => {
      const said = schemasAt(schema, path)
      const isOld = firstSaid(said, 'deprecated') === true
      const description = String(firstSaid(said, 'description') ?? firstSaid(said, 'title') ?? '')
      return {
        path,
        type: describeType(said),
        default: valueAt(defaults, path),
        apply: applyModeAt(apply, path.map(pointerToken).join('')),
        description: isOld ? `deprecated: ${description}` : description,
      }
    })
}

function printDescription(description: Description, paper: Paper): string {
  const { namespace, schema, napp_version } = description
  const about = [schema.title, schema.description].filter(text => typeof text === 'string').join(': ')
  const title = harmless(`${namespace}${napp_version === null ? '' : ` ${napp_version}`}${about && `, ${about}`}`)
  const rows = declaredIn(description).map((one): Cell[] => [printKey(one.path), one.type, show(one.default), one.apply, one.description])
  if (rows.length === 0) return `${title}\nIts schema declares no setting by name.\n`
  return `${paper.paint('bold', title)}\n\n${printTable(['Key', { head: 'Type', cut: true }, { head: 'Default', cut: true }, 'Applies', { head: 'Description', cut: true }], rows, paper)}`
}

function describeType(said: readonly JsonObject[]): string {
  const allowed = firstSaid(said, 'enum')
  if (isArray(allowed)) return allowed.map(show).join(' | ')
  const type = firstSaid(said, 'type')
  const name = isArray(type) ? type.join(' | ') : typeof type === 'string' ? type : 'any'
  const limits = LIMITS.flatMap(([keyword, sign]) => {
    const limit = firstSaid(said, keyword)
    return limit === undefined ? [] : [`${sign} ${show(limit)}`]
  })
  return [name, ...limits].join(' ')
}
