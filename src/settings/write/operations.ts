import type { Method } from '../../../events/changes.ts'
import { type Field, optional, required } from '../../../events/commands/command.ts'
import { checkFields, parseGuard, parseMethod, parseValue } from '../../../events/content.ts'
import type { TransactionOperation } from '../../../events/nouns.ts'
import { TRANSACTION_DOCUMENTS, TRANSACTION_OPERATIONS } from '../../../model/document.ts'
import { SettingsError, toSettingsError } from '../../../model/errors.ts'
import { type Namespace, overridesKey, parseNamespace, parseScope } from '../../../model/namespace.ts'
import { quote } from '../../../model/quote.ts'
import { isArray, isObject, type Json, type JsonObject } from '../../../model/value.ts'
import { jsonPatch, mergePatch } from './patch.ts'
import type { OverridesEdit } from './plan.ts'

const FIELDS = {
  namespace: required(),
  scope: optional(),
  method: optional(),
  data: optional(),
  revision: optional(),
} satisfies { readonly [Name in keyof Required<TransactionOperation>]: Field }
const METHODS = ['PATCH', 'PUT', 'JSON_PATCH', 'DELETE'] as const

/**
 * The change of overrides by a method and its data.
 * @throws SettingsError CONTENT_MALFORMED for data that the method does not allow.
 */
export function editBy(method: Method | 'DELETE', data: Json | undefined): OverridesEdit['make'] {
  if (method === 'DELETE') return () => undefined
  if (data === undefined) throw new SettingsError('CONTENT_MALFORMED', `${method} requires "data".`)
  if (method === 'JSON_PATCH') return (_base, before, budget) => asOverrides(jsonPatch(before, data, budget))
  if (!isObject(data))
    throw new SettingsError('CONTENT_MALFORMED', `"data" of ${method} must be a JSON object.`)
  return method === 'PUT' ? () => data : (_base, before) => asOverrides(mergePatch(before, data))
}

/** The data of an operation, whose JSON Patch compares no secret. */
export type GuardTests = (namespace: Namespace, method: string, data: Json | undefined) => Json | undefined

/**
 * Parses the operations of a transaction.
 * @throws SettingsError CONTENT_MALFORMED, NAMESPACE_MALFORMED, SCOPE_MALFORMED, METHOD_NOT_FOUND,
 * JSON_MALFORMED, each naming the operation, counted from 0; DOCUMENT_TOO_LARGE for too many.
 */
export function parseOperations(
  value: unknown,
  scope: string | undefined,
  controller: string,
  guard: GuardTests = (_namespace, _method, data) => data,
): readonly OverridesEdit[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `"operations" must be a non-empty array of {"namespace", "method", "data"}, not ${quote(value)}.`,
    )
  }
  if (value.length > TRANSACTION_OPERATIONS)
    throw tooMany(`${value.length} operations`, `${TRANSACTION_OPERATIONS} operations`)
  const operations = value.map((one, i) =>
    at(i, undefined, () => parseOperation(one, i, scope, { controller, guard })),
  )
  const documents = new Set(operations.map(one => overridesKey(one.namespace, one.scope))).size
  if (documents > TRANSACTION_DOCUMENTS)
    throw tooMany(`${documents} documents`, `${TRANSACTION_DOCUMENTS} documents`)
  return operations
}

function parseOperation(
  value: unknown,
  i: number,
  common: string | undefined,
  { controller, guard }: { readonly controller: string; readonly guard: GuardTests },
): OverridesEdit {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SettingsError(
      'CONTENT_MALFORMED',
      `The operation must be an object {"namespace", "method", "data"}, not ${quote(value)}.`,
    )
  }
  // The cast is safe, because each field is checked from here on.
  const operation = value as TransactionOperation
  checkFields('an operation', operation, FIELDS)
  const method = parseMethod(operation.method, METHODS, 'PATCH')
  if (method === 'DELETE' && operation.data !== undefined)
    throw new SettingsError('CONTENT_MALFORMED', 'DELETE does not allow "data". Remove it.')
  const namespace = parseNamespace(operation.namespace)
  const sent = operation.data === undefined ? undefined : parseValue(operation.data, 'data')
  const data = guard(namespace, method, sent)
  const make = editBy(method, data)
  return {
    namespace,
    scope: parseScope(operation.scope === undefined ? common : operation.scope, controller),
    expected: parseGuard(operation.revision),
    mustBeKnown: method === 'DELETE',
    multiplies: method === 'JSON_PATCH' && copies(data),
    make: (base, before, budget) => at(i, namespace, () => make(base, before, budget)),
  }
}

/** True for a JSON Patch that copies values. */
function copies(patch: Json | undefined): boolean {
  return isArray(patch) && patch.some(operation => isObject(operation) && operation.op === 'copy')
}

/** Names the operation in the errors of its work. */
function at<Result>(i: number, namespace: Namespace | undefined, work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    const { code, message, details } = toSettingsError(cause)
    const which = `Operation ${i}${namespace ? ` ("${namespace}")` : ''} of the transaction`
    throw new SettingsError(
      code,
      `${which}: ${message} Nothing was changed.`.replace(
        /( Nothing was changed\.)+$/,
        ' Nothing was changed.',
      ),
      {
        cause,
        details: { ...details, transaction_operation: i },
      },
    )
  }
}

function asOverrides(value: Json): JsonObject {
  if (!isObject(value))
    throw new SettingsError(
      'CONTENT_MALFORMED',
      'The patch would replace the overrides by a value that is not a JSON object.',
    )
  return value
}

function tooMany(got: string, allowed: string): SettingsError {
  return new SettingsError(
    'DOCUMENT_TOO_LARGE',
    `The transaction has ${got}; ${allowed} are allowed. Split it.`,
    {
      details: { got, expected: allowed },
    },
  )
}
