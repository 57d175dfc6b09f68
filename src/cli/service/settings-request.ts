import type { CommandContent } from '../../../events/map.ts'
import { SettingsError } from '../../../model/errors.ts'
import { printJson } from '../../../model/json.ts'
import { parseNamespace } from '../../../model/namespace.ts'
import { toJson } from '../../../model/value.ts'
import type { Request } from './request.ts'

/** The commands that the command line sends. */
export type Said = `kytos.settings.${'list' | 'retrieve' | 'describe' | 'history' | 'update' | 'delete' | 'status' | 'restore_files'}`

type Requests = { readonly [N in Said]: (content: CommandContent<N>) => Request }

/** A command as its REST request. */
export function requestOf<N extends Said>(name: N, content: CommandContent<N>): Request {
  return REQUESTS[name](content)
}

const REQUESTS: Requests = {
  'kytos.settings.list': ({ prefix }) => ({ method: 'GET', path: `/${query({ prefix })}` }),
  'kytos.settings.retrieve': ({ namespace, scope, explain, fresh }) => ({
    method: 'GET',
    path: `${place(namespace)}${query({ scope, explain, fresh })}`,
  }),
  'kytos.settings.describe': ({ namespace }) => ({ method: 'GET', path: `${place(namespace)}/schema` }),
  'kytos.settings.history': ({ namespace, scope, limit, version }) => ({
    method: 'GET',
    path:
      version === undefined ? `${place(namespace)}/history${query({ scope, limit })}` : `${place(namespace)}/history/${version}${query({ scope })}`,
  }),
  // REST has a status of one NApp or of the whole store.
  'kytos.settings.status': ({ namespace }) => ({ method: 'GET', path: namespace === undefined ? '/status' : `${place(namespace)}/status` }),
  'kytos.settings.restore_files': content => ({
    method: 'POST',
    path: '/files/restore',
    headers: { 'content-type': 'application/json' },
    body: printJson(toJson(content)),
  }),
  'kytos.settings.delete': ({ namespace, scope, revision, comment }) => ({
    method: 'DELETE',
    path: `${place(namespace)}${query({ scope })}`,
    headers: guardAndComment(revision, comment),
  }),
  'kytos.settings.update': ({ namespace, scope, data, method = 'PATCH', revision, comment, dry_run }) => ({
    method: method === 'PUT' ? 'PUT' : 'PATCH',
    path: `${place(namespace)}${query({ scope, dry_run })}`,
    headers: {
      'content-type': method === 'JSON_PATCH' ? 'application/json-patch+json' : 'application/json',
      ...guardAndComment(revision, comment),
    },
    body: printJson(data),
  }),
}

function guardAndComment(revision: string | undefined, comment: string | undefined): Readonly<Record<string, string>> {
  return { ...(revision !== undefined && { 'if-match': `"${revision}"` }), ...(comment !== undefined && { 'x-comment': headerText(comment) }) }
}

/** @throws SettingsError NAMESPACE_MALFORMED. */
function place(namespace: string): string {
  return `/${parseNamespace(namespace).split('/').map(encodeURIComponent).join('/')}`
}

function query(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined) given.set(key, String(value))
  return given.size === 0 ? '' : `?${given}`
}

/** The UTF-8 bytes as a Latin-1 string, because the service decodes headers as UTF-8. */
function headerText(comment: string): string {
  const line = comment.replaceAll(/\s+/g, ' ').trim()
  if (!/[\x00-\x1f\x7f]/.test(line)) return Buffer.from(line, 'utf8').toString('latin1')
  throw new SettingsError('CONTENT_MALFORMED', 'The comment contains control characters: use plain text.')
}
