import { expect, it } from 'vitest'
import { changeTogether, type KeyEdit } from '../../../../src/cli/edit/overrides-edit.ts'
import { askJson } from '../../../../src/cli/service/request.ts'
import type { Service } from '../../../../src/cli/service/service.ts'
import { requestOf } from '../../../../src/cli/service/settings-request.ts'
import { API, openRealRig } from '../../http/harness.ts'

it('a transaction keeps a change that another client made after the overrides were read', async () => {
  const { http, send } = await openRealRig()
  let attempts = 0
  const ask = async (...[name, content]: Parameters<Service['ask']>) => {
    if (name === 'kytos.settings.transaction' && ++attempts === 1)
      await send('PATCH', `${API}/kytos/b`, { body: { json: { theirs: 1 } } })
    return askJson({ url: http.url }, requestOf(name, content))
  }
  // The answer has the type of the command, as that of the real service.
  const service = { ask } as unknown as Service
  const change = (namespace: string): KeyEdit => ({
    namespace,
    scope: 'cluster',
    isNew: true,
    edit: overrides => ({ ...overrides, mine: 2 }),
  })
  const changed = await changeTogether(service, [change('kytos/a'), change('kytos/b')])
  expect(attempts).toBe(2)
  expect(changed.map(({ after }) => after.overrides)).toEqual([{ mine: 2 }, { theirs: 1, mine: 2 }])
})
