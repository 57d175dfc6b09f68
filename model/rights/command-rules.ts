import { SettingsError } from '../errors.ts'
import { parseNamespace } from '../namespace.ts'
import { quote } from '../quote.ts'
import type { Limits, Visibility } from './visibility.ts'

/*
 * The decision on each command of a limited caller. It is made in one place, before the handler runs.
 *
 * Invariants:
 *  1. A command without a rule is refused for limited callers, so a new command is never open by default.
 *  2. A read of a hidden name is answered as one of an unknown name, and its handler does not run.
 *  3. A write of a hidden name is refused, and its handler does not run. A transaction is refused whole.
 *  4. A handler of the rules `owner` and `visible` answers about all names; it leaves out what
 *     `currentVisibility()` does not see.
 */

/**
 * Where a command names what it is about: `namespace` and `boxes` in that field, `owner` in that field or
 * nowhere (a NApp id, or a namespace of boxes), `operations` and `documents` in each
 * member of that field, `visible` nowhere.
 */
type Rule = 'namespace' | 'boxes' | 'owner' | 'operations' | 'documents' | 'visible'

const RULES: Readonly<Record<string, Rule>> = {
  'kytos.settings.register': 'namespace',
  'kytos.settings.create': 'namespace',
  'kytos.settings.retrieve': 'namespace',
  'kytos.settings.update': 'namespace',
  'kytos.settings.delete': 'namespace',
  'kytos.settings.list': 'visible',
  'kytos.settings.describe': 'namespace',
  'kytos.settings.remove_schema': 'namespace',
  'kytos.settings.transaction': 'operations',
  'kytos.settings.history': 'namespace',
  'kytos.settings.audit': 'visible',
  'kytos.settings.as_of': 'owner',
  'kytos.settings.rollback': 'namespace',
  'kytos.settings.rollback_transaction': 'documents',
  'kytos.settings.confirm': 'namespace',
  'kytos.settings.cancel': 'namespace',
  'kytos.settings.reseal': 'namespace',
  'kytos.settings.status': 'owner',
  'kytos.settings.controllers': 'visible',
  'kytos.settings.restore_files': 'owner',
  'kytos.storehouse.create': 'boxes',
  'kytos.storehouse.retrieve': 'boxes',
  'kytos.storehouse.update': 'boxes',
  'kytos.storehouse.delete': 'boxes',
  'kytos.storehouse.list': 'boxes',
}

/** The names of all commands that a limited caller may send. */
export const LIMITED_COMMANDS: readonly string[] = Object.keys(RULES)

/** A command of a limited caller. */
export interface LimitedCommand {
  readonly name: string
  readonly effect: 'read' | 'write'
  readonly content: Readonly<Record<string, unknown>>
  /** The name of the caller in messages. */
  readonly caller: string
}

/**
 * Decides on a command. Returns the hidden name that a read asks for, and undefined when the handler may run.
 * @throws SettingsError PERMISSION_DENIED for a write of a hidden name, and for a command without a rule;
 * NAMESPACE_MALFORMED.
 */
export function findHidden(command: LimitedCommand, visibility: Visibility): string | undefined {
  const { limits } = visibility
  if (!limits) return undefined
  const rule = Object.hasOwn(RULES, command.name) ? RULES[command.name] : undefined
  if (rule === undefined) throw unlimitedRequired(command.caller, `to send "${command.name}"`, limits)
  const isWrite = command.effect === 'write'
  const named = namesOf(rule, command.content)
  if (named.length === 0 && isWrite && rule !== 'operations')
    throw unlimitedRequired(
      command.caller,
      `to send "${command.name}" without ${rule === 'documents' ? '"documents"' : 'a "namespace"'}`,
      limits,
    )
  const hidden = named.find(({ name, kind }) =>
    kind === 'boxes' ? !visibility.seesBoxes(name) : !visibility.seesNamespace(name),
  )
  if (hidden && isWrite) throw hiddenWrite(command.caller, hidden, limits)
  return hidden?.name
}

/** The error of an operation that no limited caller may use. */
export function unlimitedRequired(caller: string, purpose: string, limits: Limits): SettingsError {
  return new SettingsError(
    'PERMISSION_DENIED',
    `${caller} has a token that is limited to ${describeLimits(limits)}. Use a token without limits ${purpose}.`,
    { details: { ...limits } },
  )
}

interface Named {
  readonly name: string
  readonly kind: 'namespace' | 'boxes'
}

function namesOf(rule: Rule, content: LimitedCommand['content']): readonly Named[] {
  const { namespace, operations, documents } = content
  switch (rule) {
    case 'namespace':
      return [{ name: parseNamespace(namespace), kind: 'namespace' }]
    case 'boxes':
      // The handler rejects a value that is no text.
      return [{ name: typeof namespace === 'string' ? namespace : '', kind: 'boxes' }]
    case 'owner':
      if (namespace === undefined) return []
      return typeof namespace === 'string' && !namespace.includes('/')
        ? [{ name: namespace, kind: 'boxes' }]
        : [{ name: parseNamespace(namespace), kind: 'namespace' }]
    case 'operations':
      return Array.isArray(operations) ? operations.flatMap(nameOfOperation) : []
    case 'documents':
      return Array.isArray(documents) ? documents.flatMap(nameOfOperation) : []
    case 'visible':
      return []
  }
}

/** A text that is no namespace counts as hidden; the handler rejects an operation without a text. */
function nameOfOperation(operation: unknown): readonly Named[] {
  if (typeof operation !== 'object' || operation === null || !('namespace' in operation)) return []
  const { namespace } = operation
  return typeof namespace === 'string' ? [{ name: namespace, kind: 'namespace' }] : []
}

function hiddenWrite(caller: string, { name, kind }: Named, limits: Limits): SettingsError {
  const what = kind === 'boxes' ? `boxes of ${quote(name)}` : quote(name)
  return new SettingsError(
    'PERMISSION_DENIED',
    `${caller} may not change ${what}: its token is limited to ${describeLimits(limits)}. Nothing was changed. Use a token that includes it.`,
    { details: { namespace: name.slice(0, 200), ...limits } },
  )
}

/** The patterns that a message names. */
const MAX_NAMED = 5

function describeLimits({ namespaces, boxes }: Limits): string {
  const visibleBoxes = boxes.length === 0 ? 'no boxes' : `the boxes of ${listed(boxes)}`
  return `the namespaces ${listed(namespaces)} and ${visibleBoxes}`
}

function listed(patterns: readonly string[]): string {
  const more = patterns.length - MAX_NAMED
  return `${patterns.slice(0, MAX_NAMED).map(quote).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
