import { describe, expect, it } from 'vitest'
import { errorsOf } from '../../../../events/commands/command.ts'
import { COMMANDS } from '../../../../events/map.ts'
import { ROUTES } from '../../../../src/http/openapi/openapi-routes.ts'
import { STOREHOUSE_ROUTES } from '../../../../src/http/openapi/openapi-storehouse.ts'
import type { Method, Operation, Route } from '../../../../src/http/openapi/operation.ts'
import { permissionForRoute } from '../../../../src/http/openapi/route-permissions.ts'

const METHODS: readonly Method[] = ['GET', 'PUT', 'PATCH', 'DELETE', 'POST']
const routes: readonly Route[] = [...Object.values(ROUTES), ...Object.values(STOREHOUSE_ROUTES)]
const operations = routes.flatMap(route =>
  METHODS.flatMap((method): [string, Method, string, Operation][] => {
    const operation = route[method]
    return operation ? [[`${method} ${route.path}`, method, route.path, operation]] : []
  }),
)

describe('an operation', () => {
  it('excludes only errors of its commands, and adds only errors that they do not have', () => {
    for (const [key, , , { commands = [], excludes = [], errors = [] }] of operations) {
      const known = commands.flatMap(name => errorsOf(COMMANDS[name]))
      expect([key, excludes.filter(code => !known.includes(code))]).toEqual([key, []])
      expect([key, errors.filter(code => known.includes(code) && code !== 'BOX_NOT_FOUND')]).toEqual([
        key,
        [],
      ])
    }
  })

  it('takes at least the permission of each of its commands', () => {
    const order = ['read', 'write', 'admin']
    for (const [key, method, path, { commands = [] }] of operations) {
      for (const name of commands)
        expect([
          key,
          order.indexOf(permissionForRoute(method, path, commands)) >=
            order.indexOf(COMMANDS[name].permission),
        ]).toEqual([key, true])
    }
    // Whatever its method is.
    expect(permissionForRoute('GET', '/somewhere', ['kytos.settings.update'])).toBe('write')
  })
})
