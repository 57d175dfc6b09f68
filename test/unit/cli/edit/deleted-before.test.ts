import { describe, expect, it } from 'vitest'
import { operationOf, planFolder } from '../../../../src/cli/edit/folder-plan.ts'
import { changeOverrides, changeTogether, readSettings } from '../../../../src/cli/edit/overrides-edit.ts'
import { askJson } from '../../../../src/cli/service/request.ts'
import type { Service } from '../../../../src/cli/service/service.ts'
import { requestOf } from '../../../../src/cli/service/settings-request.ts'
import { API, openRealRig } from '../../http/harness.ts'

/* Changes of namespaces without a schema whose overrides were deleted before. */

const scopes = ['cluster', 'controller:c9'] as const
const change = { isNew: true, edit: (overrides: object) => ({ ...overrides, mine: 2 }) }

/** A service, and a namespace on it that was created and deleted, in both scopes. */
async function openDeleted() {
  const { http, send } = await openRealRig()
  const ask = (...[name, content]: Parameters<Service['ask']>) =>
    askJson({ url: http.url }, requestOf(name, content))
  const namespace = 'kytos/deleted'
  for (const scope of scopes) {
    const place = `${API}/${namespace}?scope=${scope}`
    expect((await send('PUT', place, { body: { json: { was: 1 } } })).status).toBe(200)
    expect((await send('DELETE', place)).status).toBe(200)
  }
  // The answer has the type of the command, as that of the real service.
  return { service: { ask } as unknown as Service, send, namespace }
}

describe('a namespace whose overrides were deleted before', () => {
  it.each(scopes)('is changed by a command with --new in the scope %s', async scope => {
    const { service, namespace } = await openDeleted()
    const { after } = await changeOverrides(service, { ...change, namespace, scope })
    expect(after.overrides).toEqual({ mine: 2 })
  })

  it.each(scopes)('is changed together with others in the scope %s', async scope => {
    const { service, namespace: a } = await openDeleted()
    const changed = await changeTogether(
      service,
      [a, 'kytos/never_there'].map(namespace => ({ ...change, namespace, scope })),
    )
    expect(changed.map(({ after }) => after.overrides)).toEqual([{ mine: 2 }, { mine: 2 }])
  })

  it.each(scopes)('is created by "apply" in the scope %s', async scope => {
    const { service, namespace } = await openDeleted()
    const plan = await planFolder(service, [{ namespace, scope, data: { mine: 2 } }], undefined, false)
    const { settings } = await service.ask('kytos.settings.transaction', {
      operations: plan.flatMap(operationOf),
    })
    expect(settings[0]?.overrides).toEqual({ mine: 2 })
  })

  it('is read with the revision that guards a change, which a change in between breaks', async () => {
    const { service, send, namespace } = await openDeleted()
    const before = await readSettings(service, { namespace, scope: 'cluster', isNew: true })
    expect(before).toMatchObject({ overrides: {}, version: 0 })
    expect(BigInt(before.revision)).toBeGreaterThan(0n)
    expect(before.epoch).toBeGreaterThan(0)
    await send('PATCH', `${API}/${namespace}`, { body: { json: { theirs: 1 } } })
    await expect(
      service.ask('kytos.settings.update', { namespace, data: {}, revision: before.revision }),
    ).rejects.toMatchObject({ code: 'REVISION_MISMATCH' })
  })
})
