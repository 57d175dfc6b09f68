import { expect, it } from 'vitest'
import { errorsOf } from '../../../events/commands/command.ts'
import { COMMANDS } from '../../../events/map.ts'
import { findCommand, permissionFor } from '../../../events/names.ts'

const STRANGE = ['kytos.settings.none', 'me/napp.event', '', '__proto__', 'constructor', 'toString']

it('emitting a command takes the permission of its record, any other event takes write', () => {
  for (const [name, { permission }] of Object.entries(COMMANDS))
    expect([name, permissionFor(name)]).toEqual([name, permission])
  for (const name of STRANGE) expect([name, permissionFor(name)]).toEqual([name, 'write'])
})

it('a command that writes takes more than the permission to read', () => {
  for (const [name, { effect, permission }] of Object.entries(COMMANDS))
    expect([name, permission]).toEqual([name, effect])
})

it('a record is found by the name of its command only', () => {
  for (const [name, record] of Object.entries(COMMANDS)) expect(findCommand(name)).toBe(record)
  for (const name of STRANGE) expect(findCommand(name)).toBeUndefined()
})

it('a record lists each error once', () => {
  for (const [name, record] of Object.entries(COMMANDS))
    expect([name, new Set(errorsOf(record)).size]).toEqual([name, errorsOf(record).length])
})
