import type { FastifyRequest } from 'fastify'
import { SettingsError } from '../../../model/errors.ts'
import { nearest } from '../../../model/nearest.ts'
import { QUERY, type QueryName } from '../openapi/openapi-parameters.ts'
import { operationOf } from './routes.ts'

/** The query parameters of one request, checked against its operation. */
export class Query {
  readonly #parameters: URLSearchParams

  /** @throws SettingsError CONTENT_MALFORMED for an unknown parameter, with the nearest known one. */
  constructor(request: FastifyRequest) {
    const allowed: readonly string[] = operationOf(request).query ?? []
    // openHttp has queries parsed by parseQuery.
    this.#parameters = request.query as URLSearchParams
    for (const name of this.#parameters.keys()) {
      if (!allowed.includes(name)) throw unknownParameter(name, allowed)
    }
  }

  /**
   * The text of a parameter; undefined when absent.
   * @throws SettingsError CONTENT_MALFORMED when it is present twice.
   */
  text(name: QueryName): string | undefined {
    const [value, ...more] = this.#parameters.getAll(name)
    if (more.length > 0)
      throw new SettingsError(
        'CONTENT_MALFORMED',
        `The parameter "${name}" is present ${more.length + 1} times; once is allowed.`,
      )
    return value
  }

  /**
   * True for `?name` and `?name=true`.
   * @throws SettingsError CONTENT_MALFORMED for anything but true and false.
   */
  flag(name: QueryName): boolean {
    const value = this.text(name)
    if (value === undefined || value === 'false') return false
    if (value === 'true' || value === '') return true
    throw malformedParameter(name, value, 'true or false')
  }

  /** An integer within its limits; undefined when absent. @throws SettingsError CONTENT_MALFORMED. */
  count(name: 'limit' | 'confirm_within'): number | undefined {
    const value = this.text(name)
    const { minimum, maximum } = QUERY[name].schema
    return value === undefined ? undefined : parseCount(name, value, maximum, minimum)
  }

  /**
   * The values of a parameter that may be repeated or hold several values separated by commas.
   * @throws SettingsError CONTENT_MALFORMED for an empty one.
   */
  list(name: QueryName): readonly string[] {
    const values = this.#parameters.getAll(name).flatMap(value => value.split(','))
    if (values.includes('')) throw malformedParameter(name, '', 'one or more values, separated by commas')
    return values
  }
}

/** The query parser for fastify. */
export function parseQuery(text: string): URLSearchParams & Record<string, unknown> {
  // fastify asks for an object of any shape; Query is the only reader.
  return new URLSearchParams(text) as URLSearchParams & Record<string, unknown>
}

/** Parses an integer from `min` to `max`. @throws SettingsError CONTENT_MALFORMED. */
export function parseCount(name: string, text: string, max: number, min = 1): number {
  const count = /^[1-9]\d{0,11}$/.test(text) ? Number(text) : 0
  if (count >= min && count <= max) return count
  throw malformedParameter(name, text, `an integer from ${min} to ${max}`)
}

function malformedParameter(name: string, got: string, expected: string): SettingsError {
  return new SettingsError(
    'CONTENT_MALFORMED',
    `"${name}" must be ${expected}, not ${JSON.stringify(got.slice(0, 100))}.`,
    {
      details: { parameter: name, got: got.slice(0, 100), expected },
    },
  )
}

function unknownParameter(name: string, allowed: readonly string[]): SettingsError {
  const got = name.slice(0, 100)
  const close = nearest(got, allowed)
  const hint = close
    ? `the nearest is "${close}"`
    : allowed.length > 0
      ? `allowed: ${allowed.join(', ')}`
      : 'this request takes no parameters'
  return new SettingsError(
    'CONTENT_MALFORMED',
    `The parameter ${JSON.stringify(got)} is not known; ${hint}.`,
    {
      details: { got, allowed, ...(close && { nearest: close }) },
    },
  )
}
