import { describe, expect, it } from 'vitest'
import { API } from './harness.ts'
import { type LimitedWorld, openLimitedWorld } from './limited-world.ts'

/* A limited token and what looks back, goes back, or waits. */

const VISIBLE = 'kytos/a'
const HIDDEN = 'hidden/canary'

/** A world in which a visible and a hidden document wait together for a confirmation. */
async function openWaiting(): Promise<LimitedWorld> {
  const world = await openLimitedWorld({ limits: { namespaces: ['kytos/*'] } })
  for (const namespace of [VISIBLE, HIDDEN])
    await world.ask('kytos.settings.update', { namespace, data: { n: 1 } })
  await world.ask('kytos.settings.transaction', {
    operations: [VISIBLE, HIDDEN].map(namespace => ({ namespace, data: { n: 2 } })),
    confirm_within: 3_600,
  })
  return world
}

describe('a token with namespaces', () => {
  it('sees of a change that waits the visible documents only, in settings, lists and the status', async () => {
    const { send, headers, admin } = await openWaiting()
    for (const path of [`/${VISIBLE}`, `/${VISIBLE}?fresh=true`, '/', '/status']) {
      const { status, text } = await send('GET', `${API}${path}`, { headers })
      expect([path, status, text.includes('pending')]).toEqual([path, 200, true])
      expect(text).not.toContain('canary')
    }
    const whole = await send('GET', `${API}/${VISIBLE}`, { headers: admin })
    expect(whole.text).toContain('canary')
  })

  it('neither ends nor extends a change that waits together with hidden documents', async () => {
    const { send, ask, headers, admin } = await openWaiting()
    const before = await ask('kytos.settings.retrieve', { namespace: VISIBLE })
    const answers = [
      await send('POST', `${API}/${VISIBLE}/confirm`, { headers }),
      await send('POST', `${API}/${VISIBLE}/cancel`, { headers }),
      await send('PATCH', `${API}/${VISIBLE}?confirm_within=60`, { headers, body: { json: { n: 3 } } }),
    ]
    for (const { status, text } of answers) {
      expect([status, text]).toEqual([403, expect.stringContaining('Use a token without limits')])
      expect(text).not.toContain('canary')
    }
    expect(await ask('kytos.settings.retrieve', { namespace: VISIBLE })).toEqual(before)
    expect((await send('POST', `${API}/${VISIBLE}/confirm`, { headers: admin })).status).toBe(200)
  })

  it('sees no hidden document in the audit and in the state at a time, and rolls none back', async () => {
    const { send, headers } = await openWaiting()
    for (const path of ['/audit', '/as_of?at=2100-01-01T00:00:00Z']) {
      const { status, text } = await send('GET', `${API}${path}`, { headers })
      expect([path, status]).toEqual([path, 200])
      expect(text).toContain(VISIBLE)
      expect(text).not.toContain('canary')
    }
    const bodies = [{ write_id: 'any' }, { documents: [{ namespace: HIDDEN, version: 1 }] }]
    for (const json of bodies)
      expect((await send('POST', `${API}/rollback`, { headers, body: { json } })).status).toBe(403)
  })
})
