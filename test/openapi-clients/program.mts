import createClient from 'openapi-fetch'
import type { components, paths } from './service.js'

/* A program with a generated client: it prints what the service answered, as JSON. */

declare const process: { readonly argv: readonly string[] }

type Settings = components['schemas']['Settings']

const [, , baseUrl = '', token = '', username = '', name = ''] = process.argv
const headers = { Authorization: `Bearer ${token}` }
const client = createClient<paths>({ baseUrl, headers })
const path = { username, name }
const NAMESPACE = '/api/kytos/settings/v1/{username}/{name}'

const { data: listed = [] } = await client.GET('/api/kytos/settings/v1')
const { data: before, response } = await client.GET(NAMESPACE, { params: { path } })
if (!before) throw new Error('There are no settings.')
// Settings are an open object, so a member of any name has a type.
const time: unknown = before.data.polling_time
const guard = { 'If-Match': revisionOf(before) }
const { data: patched } = await client.PATCH(NAMESPACE, {
  params: { path, header: guard },
  body: { polling_time: 7 },
})
const { error } = await client.PATCH(NAMESPACE, {
  params: { path, header: guard },
  body: { polling_time: 8 },
})
const { data: stepped } = await client.PATCH(NAMESPACE, {
  params: { path, query: { dry_run: true } },
  body: [{ op: 'test', path: '/polling_time', value: 7 }],
  headers: { 'Content-Type': 'application/json-patch+json' },
})
const { data: history = [] } = await client.GET(`${NAMESPACE}/history`, { params: { path } })
console.log(
  JSON.stringify({
    listed: listed.map(({ namespace }) => namespace),
    status: response.status,
    before: time,
    patched: patched?.overrides.polling_time,
    conflict: error && [error.status, error.code],
    stepped: stepped?.overrides.polling_time,
    history: history.map(({ version, data }) => [version, data?.polling_time]),
  }),
)

function revisionOf({ revision }: Settings): string {
  return `"${revision}"`
}
