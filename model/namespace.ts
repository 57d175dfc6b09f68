import { SettingsError } from './errors.ts'
import { type Key, makeKey, makePrefix, type Prefix } from './key.ts'
import { quote } from './quote.ts'

declare const namespace: unique symbol
/** The id `username/name` of the NApp that settings belong to. */
export type Namespace = string & { readonly [namespace]: true }

declare const scope: unique symbol
/** Where overrides are stored: `cluster`, or `controller:<id>` for one controller. */
export type Scope = string & { readonly [scope]: true }

/** The pattern of each part of a namespace, and of the id of a controller. */
export const NAMESPACE_PART = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}'
const NAMESPACE = new RegExp(`^${NAMESPACE_PART}/${NAMESPACE_PART}$`)
const CONTROLLER = new RegExp(`^${NAMESPACE_PART}$`)

export const CLUSTER = 'cluster' as Scope

/** @throws SettingsError NAMESPACE_MALFORMED for anything but `username/name`. */
export function parseNamespace(value: unknown): Namespace {
  if (typeof value === 'string' && NAMESPACE.test(value)) return value as Namespace
  throw new SettingsError(
    'NAMESPACE_MALFORMED',
    `${quote(value)} is not a namespace. Use a NApp id "username/name": each part has 1 to 64 letters, digits, ".", "_" or "-" and starts with a letter or digit.`,
    { details: { got: typeof value === 'string' ? value : quote(value), expected: 'username/name' } },
  )
}

/** True for a valid id of a controller. */
export function isControllerId(value: string): boolean {
  return CONTROLLER.test(value)
}

/**
 * Parses the scope of a command: absent is `cluster`, and `controller` is this controller.
 * @throws SettingsError SCOPE_MALFORMED.
 */
export function parseScope(value: unknown, self: string): Scope {
  if (value === undefined || value === 'cluster') return CLUSTER
  if (value === 'controller') return controllerScope(self)
  if (typeof value === 'string' && value.startsWith('controller:') && isControllerId(value.slice(11)))
    return value as Scope
  throw new SettingsError(
    'SCOPE_MALFORMED',
    `${quote(value)} is not a scope. Use "cluster", "controller" (this one) or "controller:<id>".`,
    {
      details: {
        got: typeof value === 'string' ? value : quote(value),
        expected: ['cluster', 'controller', 'controller:<id>'],
      },
    },
  )
}

export function controllerScope(id: string): Scope {
  return `controller:${id}` as Scope
}

/** The key of the overrides of a namespace in a scope. */
export function overridesKey(of: Namespace, where: Scope): Key {
  const [username = '', name = ''] = of.split('/')
  return where === CLUSTER
    ? makeKey('settings', username, name)
    : makeKey('controllers', where.slice('controller:'.length), username, name)
}

export function schemaKey(of: Namespace, digest: string): Key {
  const [username = '', name = ''] = of.split('/')
  return makeKey('schemas', username, name, digest)
}

export function schemaPrefix(of: Namespace): Prefix {
  const [username = '', name = ''] = of.split('/')
  return makePrefix('schemas', username, name)
}
