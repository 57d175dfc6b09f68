import { expect, it } from 'vitest'
import { COMMANDS } from '../../../../events/map.ts'
import { requestOf, type Said } from '../../../../src/cli/service/settings-request.ts'

const NAMED = { namespace: 'kytos/of_lldp' }

it.each([
  ['kytos.settings.list', {}, ''],
  ['kytos.settings.list', { prefix: 'kytos/ä' }, '?prefix=kytos%2F%C3%A4'],
  ['kytos.settings.retrieve', NAMED, '/kytos/of_lldp'],
  [
    'kytos.settings.retrieve',
    { ...NAMED, scope: 'controller:x', explain: true },
    '/kytos/of_lldp?explain=true&scope=controller%3Ax',
  ],
  ['kytos.settings.describe', NAMED, '/kytos/of_lldp/schema'],
  ['kytos.settings.history', { ...NAMED, limit: 3 }, '/kytos/of_lldp/history?limit=3'],
  [
    'kytos.settings.history',
    { ...NAMED, version: 3, scope: 'cluster' },
    '/kytos/of_lldp/history/3?scope=cluster',
  ],
  ['kytos.settings.controllers', {}, '/controllers'],
  ['kytos.settings.status', {}, '/status'],
  ['kytos.settings.status', NAMED, '/kytos/of_lldp/status'],
] as const)('%s of %j is GET %s', (name, content, path) => {
  expect(requestOf(name, content as never)).toEqual({ method: 'GET', path })
})

it('every command that reads settings has a request', () => {
  const reads = Object.entries(COMMANDS).filter(
    ([name, { effect }]) => name.startsWith('kytos.settings.') && effect === 'read',
  )
  for (const [name] of reads) expect(requestOf(name as Said, NAMED as never)).toMatchObject({ method: 'GET' })
})

it('a namespace that is none is refused before anything is sent', () => {
  expect(() => requestOf('kytos.settings.describe', { namespace: 'of_lldp' })).toThrow(
    expect.objectContaining({ code: 'NAMESPACE_MALFORMED' }),
  )
})
