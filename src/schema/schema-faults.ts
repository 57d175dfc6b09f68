import { Ajv2020 } from 'ajv/dist/2020.js'
import type { RuleBroken } from '../../events/changes.ts'
import { SettingsError } from '../../model/errors.ts'
import { nearest } from '../../model/nearest.ts'
import type { Json, JsonObject } from '../../model/value.ts'
import { describeErrors } from './broken-rules.ts'

/** The faults in the message of an error; its details have all that are described. */
const MAX_REPORTED_FAULTS = 3
const MAX_DESCRIBED_FAULTS = 20
/** Members and items of a schema whose faults are all collected; the time is the square of the faults. */
const MAX_COLLECTED_VALUES = 2_000

/** Validate schemas against the meta-schema; one instance of each is enough for all. */
const [first, all] = [false, true].map(allErrors => {
  return new Ajv2020({ strict: false, logger: false, ownProperties: true, allErrors, verbose: true })
}) as [Ajv2020, Ajv2020]

/**
 * @throws SettingsError SCHEMA_MALFORMED with the place, the value and the choices of each fault. Of a large
 * schema it has the first fault only. Error for a `$schema` that is not supported.
 */
export function refuseInvalidSchema(schema: JsonObject): void {
  if (first.validateSchema(schema)) return
  const collector = hasMoreValues(schema, MAX_COLLECTED_VALUES) ? first : all
  if (collector !== first) collector.validateSchema(schema)
  const asIs = (part: unknown): JsonObject => (typeof part === 'object' ? (part as JsonObject) : {})
  const faults = withoutAlternatives(describeErrors(collector.errors ?? [], schema, asIs))
    .map(describeChoices)
    .slice(0, MAX_DESCRIBED_FAULTS)
  const shown = faults.slice(0, MAX_REPORTED_FAULTS).map(({ message }) => message.replace(/\.$/, ''))
  const more = faults.length - shown.length
  const rest = more > 0 ? [`${more} more errors`] : []
  throw schemaMalformed([...shown, ...rest].join('; '), { details: { errors: faults } })
}

function hasMoreValues(value: Json, most: number): boolean {
  let left = most
  const look = (one: Json): boolean =>
    left-- <= 0 || (typeof one === 'object' && one !== null && Object.values(one).some(look))
  return look(value)
}

/** The error for a text or an object that is no JSON Schema. */
export function schemaMalformed(
  why: string,
  options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
): SettingsError {
  return new SettingsError('SCHEMA_MALFORMED', `Invalid JSON Schema (draft 2020-12): ${why}.`, options)
}

/**
 * One fault for each place, because the meta-schema states each choice as a rule of its own: without those
 * about a container whose members have faults, without "matches none of", and without repetitions.
 */
function withoutAlternatives(faults: readonly RuleBroken[]): readonly RuleBroken[] {
  const places = new Set(faults.map(({ pointer }) => pointer))
  const containers = new Set<string>()
  for (const place of places)
    for (let at = place.lastIndexOf('/'); at >= 0; at = place.lastIndexOf('/', at - 1)) {
      containers.add(place.slice(0, at))
      if (at === 0) break
    }
  const first = new Map<string, RuleBroken>()
  for (const fault of faults)
    if (!containers.has(fault.pointer) && !first.has(fault.pointer)) first.set(fault.pointer, fault)
  return [...first.values()]
}

/** A fault of a keyword with few choices, such as `type`, with the nearest of them. */
function describeChoices(fault: RuleBroken): RuleBroken {
  const { got, expected, pointer, message } = fault
  const end = message.indexOf(', not ')
  if (fault.rule !== 'enum' || !Array.isArray(expected) || end < 0) return fault
  const choices = expected.filter(choice => typeof choice === 'string')
  const near = typeof got === 'string' ? nearest(got, choices) : undefined
  const list = pointer.endsWith('/type') ? ' or an array of these' : ''
  const given = message.slice(end, -1)
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`
  const text = `${message.slice(0, end)}${list}${given}${hint}.`
  return { ...fault, message: text, ...(near === undefined ? {} : { nearest: near }) }
}
