import type { COMMANDS, CommandContent, CommandName } from '../../../events/map.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { toJson } from '../../../model/value.ts'
import { ROUTES } from '../../http/openapi/openapi-routes.ts'
import type { Route } from '../../http/openapi/operation.ts'
import { API } from '../../http/openapi/paths.ts'
import type { ServiceRequest } from './request.ts'

/** The commands that the command line sends over REST: all that read settings, and some that write. */
export type Said = Extract<ReadName, `kytos.settings.${string}`> | WriteName

type ReadName = { [N in CommandName]: (typeof COMMANDS)[N]['effect'] extends 'read' ? N : never }[CommandName]
type WriteName = `kytos.settings.${
  | 'update'
  | 'delete'
  | 'transaction'
  | 'confirm'
  | 'cancel'
  | 'rollback'
  | 'rollback_transaction'
  | 'remove_schema'
  | 'restore_files'
  | 'reseal'}`

/** A command as its REST request. @throws SettingsError NAMESPACE_MALFORMED. */
export function requestOf<N extends Said>(name: N, content: CommandContent<N>): ServiceRequest {
  // An entry takes the content of its own name.
  const writes = WRITES as unknown as {
    readonly [name in Said]?: (content: CommandContent<N>) => ServiceRequest
  }
  return writes[name]?.(content) ?? readRequest(name, content)
}

/**
 * A command that reads, as the GET that the table of routes has for it: of several, the one whose path takes
 * most of the content.
 */
function readRequest(name: CommandName, content: { readonly namespace?: string }): ServiceRequest {
  const [username, napp] = content.namespace === undefined ? [] : parseNamespace(content.namespace).split('/')
  const given: Readonly<Record<string, unknown>> = { ...content, username, name: napp }
  const paths = Object.values<Route>(ROUTES).flatMap(({ path, GET }) =>
    GET?.commands?.includes(name) ? [{ path, query: GET.query ?? [] }] : [],
  )
  const fitting = paths.map(route => ({ ...route, parameters: parametersOf(route.path) }))
  const [found] = fitting
    .filter(({ parameters }) => parameters.every(parameter => given[parameter] !== undefined))
    .sort((a, b) => b.parameters.length - a.parameters.length)
  if (!found)
    throw new SettingsError(
      'INTERNAL_ERROR',
      `No route accepts "${name}" with these fields: ${Object.keys(content).join(', ')}.`,
    )
  const path = found.path
    .slice(API.length)
    .replace(/:(\w+)/g, (_, parameter) => encodeURIComponent(String(given[parameter])))
  return {
    method: 'GET',
    path: `${path}${query(Object.fromEntries(found.query.map(parameter => [parameter, given[parameter]])))}`,
  }
}

function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, parameter = '']) => parameter)
}

const WRITES: { readonly [N in WriteName]: (content: CommandContent<N>) => ServiceRequest } = {
  'kytos.settings.restore_files': content => ({
    method: 'POST',
    path: '/files/restore',
    headers: { 'content-type': 'application/json' },
    body: printJson(toJson(content)),
  }),
  'kytos.settings.transaction': content => ({
    method: 'POST',
    path: '/transaction',
    headers: { 'content-type': 'application/json' },
    body: printJson(toJson(content)),
  }),
  'kytos.settings.rollback': ({ namespace, scope, revision, ...content }) => ({
    method: 'POST',
    path: `${place(namespace)}/rollback${query({ scope })}`,
    headers: { 'content-type': 'application/json', ...guardAndComment(revision, undefined) },
    body: printJson(toJson(content)),
  }),
  'kytos.settings.rollback_transaction': content => ({
    method: 'POST',
    path: '/rollback',
    headers: { 'content-type': 'application/json' },
    body: printJson(toJson(content)),
  }),
  'kytos.settings.remove_schema': ({ namespace, digest, force, comment }) => ({
    method: 'DELETE',
    path: `${place(namespace)}/schema${query({ digest, force })}`,
    headers: guardAndComment(undefined, comment),
  }),
  'kytos.settings.reseal': ({ namespace, scope }) => ({
    method: 'POST',
    path: `${place(namespace)}/reseal${query({ scope })}`,
  }),
  'kytos.settings.confirm': content => endRequest('confirm', content),
  'kytos.settings.cancel': content => endRequest('cancel', content),
  'kytos.settings.delete': ({ namespace, scope, revision, comment, confirm_within }) => ({
    method: 'DELETE',
    path: `${place(namespace)}${query({ scope, confirm_within })}`,
    headers: guardAndComment(revision, comment),
  }),
  'kytos.settings.update': ({ data, method = 'PATCH', revision, comment, ...fields }) => ({
    method: method === 'PUT' ? 'PUT' : 'PATCH',
    path: `${place(fields.namespace)}${query({ ...fields, namespace: undefined })}`,
    headers: {
      'content-type': method === 'JSON_PATCH' ? 'application/json-patch+json' : 'application/json',
      ...guardAndComment(revision, comment),
    },
    body: printJson(data),
  }),
}

/** The request of a command that ends a confirmed commit. */
function endRequest(
  end: 'confirm' | 'cancel',
  { namespace, scope, comment }: CommandContent<'kytos.settings.confirm'>,
): ServiceRequest {
  return {
    method: 'POST',
    path: `${place(namespace)}/${end}${query({ scope })}`,
    headers: guardAndComment(undefined, comment),
  }
}

function guardAndComment(
  revision: string | undefined,
  comment: string | undefined,
): Readonly<Record<string, string>> {
  return {
    ...(revision !== undefined && { 'if-match': `"${revision}"` }),
    ...(comment !== undefined && { 'x-comment': headerText(comment) }),
  }
}

/** @throws SettingsError NAMESPACE_MALFORMED. */
function place(namespace: string): string {
  return `/${parseNamespace(namespace).split('/').map(encodeURIComponent).join('/')}`
}

function query(parameters: Readonly<Record<string, unknown>>): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters))
    if (value !== undefined) given.set(key, String(value))
  return given.size === 0 ? '' : `?${given}`
}

/** The UTF-8 bytes as a Latin-1 string, because the service decodes headers as UTF-8. */
function headerText(comment: string): string {
  const line = comment.replaceAll(/\s+/g, ' ').trim()
  if (!/[\x00-\x1f\x7f]/.test(line)) return Buffer.from(line, 'utf8').toString('latin1')
  throw new SettingsError('CONTENT_MALFORMED', 'The comment contains control characters: use plain text.')
}
