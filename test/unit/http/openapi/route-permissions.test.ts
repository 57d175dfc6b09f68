import { expect, it } from 'vitest'
import { permissionForRoute } from '../../../../src/http/openapi/route-permissions.ts'
import { API } from '../harness.ts'

it.each([
  ['GET', '/api/kytos/settings/openapi.json', 'open'],
  ['GET', `${API}/dead_letter`, 'admin'],
  ['PATCH', `${API}/dead_letter/`, 'admin'],
  ['DELETE', `${API}/dead_letter`, 'admin'],
  ['GET', `${API}/bus`, 'read'],
  ['GET', `${API}/events`, 'read'],
  ['GET', '/api/kytos/storehouse/v1/:namespace', 'read'],
  ['POST', '/api/kytos/storehouse/v2/:namespace/:box_id', 'write'],
  ['POST', `${API}/transaction`, 'write'],
  ['GET', '/', 'read'],
  ['GET', undefined, 'read'],
  ['TRACE', undefined, 'write'],
  // Names that only begin or end like those.
  ['GET', '/healthz/more', 'read'],
  ['GET', '/more/healthz', 'read'],
  ['GET', `${API}/:username/:name`, 'read'],
] as const)('%s %s requires %s', (method, url, permission) => {
  expect(permissionForRoute(method, url)).toBe(permission)
})
