import { describe, expect, it } from 'vitest'
import { openGuardedRig } from './guarded.ts'
import { API, NAMESPACE } from './harness.ts'

const JSON_BODY = { json: { a: 1 } }

describe('the Host header', () => {
  it('may be a name that the configuration has, in any case, and no other', async () => {
    const { send, http } = await openGuardedRig(
      { required: false },
      { hosts: ['Settings.example.org', '10.1.2.3'] },
    )
    for (const host of [
      'settings.example.org',
      'SETTINGS.example.ORG:8181',
      'settings.example.org.',
      '10.1.2.3:80',
      `localhost:${http.port}`,
    ]) {
      expect((await send('GET', API, { headers: { host } })).status).toBe(200)
    }
    for (const host of [
      'evil.example',
      'x.settings.example.org',
      'settings.example.org.evil.example',
      'settings.example.org@evil.example',
      '10.1.2.4',
    ]) {
      expect(await send('GET', API, { headers: { host } })).toMatchObject({
        status: 403,
        json: { code: 'HOST_FORBIDDEN' },
      })
    }
  })
})

describe('a page in a browser', () => {
  it('of this service may speak to it', async () => {
    const { send, http } = await openGuardedRig({ required: false }, { hosts: ['settings.example.org'] })
    for (const origin of [
      `http://127.0.0.1:${http.port}`,
      'https://settings.example.org',
      'https://settings.example.org:8443',
    ]) {
      const answer = await send('PATCH', NAMESPACE, { headers: { origin }, body: JSON_BODY })
      expect(answer.status).toBe(200)
      expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    }
  })

  it.each([
    'http://evil.example',
    'http://127.0.0.1:1',
    'http://localhost',
    'null',
    '',
    'file://',
    'https://x.settings.example.org',
  ])('of another site (%j) may not, and changes nothing', async origin => {
    const { send } = await openGuardedRig({ required: false }, { hosts: ['settings.example.org'] })
    for (const [method, path] of [
      ['PATCH', NAMESPACE],
      ['DELETE', NAMESPACE],
      ['GET', `${API}/events`],
      ['OPTIONS', NAMESPACE],
    ] as const) {
      const answer = await send(method, path, {
        headers: { origin },
        ...(method === 'PATCH' && { body: JSON_BODY }),
      })
      expect(answer).toMatchObject({ status: 403, json: { code: 'ORIGIN_FORBIDDEN' } })
      expect(Object.keys(answer.headers).filter(name => name.startsWith('access-control'))).toEqual([])
    }
    expect((await send('GET', NAMESPACE)).status).toBe(404)
  })
})
