import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { Credentials, type EtcdSecrets } from '../../../../../backends/etcd/connection/credentials.ts'
import { SettingsError } from '../../../../../model/errors.ts'

const BASE = { endpoints: ['http://127.0.0.1:2379'], prefix: '/kytos', timeout: 5, username: 'kytos' }
/** Milliseconds after which secrets may be read again. */
const LATER = 250

function credentialsWith(readSecrets: () => Promise<EtcdSecrets>, password = 'first'): Credentials {
  return new Credentials({ ...BASE, password, readSecrets })
}

describe('Credentials', () => {
  it('are read once for all calls that are refused at once, and again only after a while', async () => {
    const read = vi.fn(async () => ({ password: 'first' }))
    const credentials = credentialsWith(read)
    const refuse = () => Promise.all(Array.from({ length: 100 }, () => credentials.renew(1)))
    const start = performance.now()
    for (let n = 1; n <= 4; n++) {
      expect(new Set(await refuse())).toEqual(new Set([false]))
      expect(read).toHaveBeenCalledTimes(n)
    }
    expect(performance.now() - start).toBeGreaterThan(3 * 190)
    expect(credentials.result).toBe('its files were read again and are unchanged')
  })

  it('are read once more for a refusal that came while they were read', async () => {
    const answers = ['first', 'second']
    const credentials = credentialsWith(async () => {
      await delay(20)
      return { password: answers.shift() ?? 'third' }
    })
    const early = credentials.renew(1)
    await delay(5)
    expect(await Promise.all([early, credentials.renew(1)])).toEqual([false, true])
    expect(credentials.options.password).toBe('second')
  })

  it('are not read for a refusal of secrets that are no longer in use', async () => {
    const read = vi.fn(async () => ({ password: 'second' }))
    const credentials = credentialsWith(read)
    expect(await credentials.renew(1)).toBe(true)
    await delay(LATER)
    expect(await credentials.renew(1)).toBe(true)
    expect(read).toHaveBeenCalledTimes(1)
    expect([credentials.version, credentials.options.password, credentials.result]).toEqual([2, 'second', ''])
  })

  it('without files are never renewed', async () => {
    expect(await new Credentials(BASE).renew(1)).toBe(false)
  })

  it('that cannot be read in time hold up no call, and are not read a second time meanwhile', async () => {
    const read = vi.fn(() => new Promise<never>(() => {}))
    const credentials = credentialsWith(read)
    const start = performance.now()
    expect(await credentials.renew(1)).toBe(false)
    expect(await credentials.renew(1)).toBe(false)
    expect(performance.now() - start).toBeLessThan(10_000)
    expect(read).toHaveBeenCalledTimes(1)
    expect(credentials.result).toBe('its files cannot be read within 1 s')
  })

  it('compare certificates by their bytes, and drop what is no longer configured', async () => {
    const [ca, cert] = [Buffer.from('ca'), Buffer.from('cert')]
    const answers: EtcdSecrets[] = [{ ca: Buffer.from('ca'), cert: Buffer.from('cert') }, { ca }]
    const credentials = new Credentials({ ...BASE, ca, cert, readSecrets: async () => answers.shift() ?? {} })
    expect(await credentials.renew(1)).toBe(false)
    await delay(LATER)
    expect(await credentials.renew(1)).toBe(true)
    expect(credentials.options).toMatchObject({ ...BASE, ca })
    expect(credentials.options.cert).toBeUndefined()
  })

  it('change only to a set that was read whole, whatever the reads give and however many ask', async () => {
    const clock = vi.spyOn(performance, 'now')
    const reading = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.constant(undefined))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ reading, askers: fc.nat(5), pause: fc.integer({ min: 200, max: 500 }) }), {
          maxLength: 20,
        }),
        async steps => {
          let now = 1_000
          clock.mockImplementation(() => now)
          let next: string | undefined
          let reads = 0
          const credentials = credentialsWith(async () => {
            reads++
            await Promise.resolve()
            if (next === undefined) throw new SettingsError('CONFIG_INVALID', 'A file is missing.')
            return { password: next }
          }, 'a')
          let [password, version] = ['a', 1]
          for (const step of steps) {
            now += step.pause
            next = step.reading
            const before = reads
            const mayRead = step.askers > 0
            const results = await Promise.all(
              Array.from({ length: step.askers }, () => credentials.renew(version)),
            )
            expect(reads - before).toBe(mayRead ? 1 : 0)
            const isRenewed = mayRead && next !== undefined && next !== password
            if (isRenewed) [password, version] = [next ?? '', version + 1]
            expect(results).toEqual(results.map(() => isRenewed))
            expect([credentials.options.password, credentials.version]).toEqual([password, version])
          }
        },
      ),
    )
    clock.mockRestore()
  })
})
