import { describe, expect, it } from 'vitest'
import { parseManifest } from '../../../src/client/manifest.ts'

const good = { username: 'kytos', name: 'of_lldp', main: 'main.js' }
const parse = (manifest: object | string) =>
  parseManifest(typeof manifest === 'string' ? manifest : JSON.stringify(manifest), 'a/napp.json')

describe('a manifest', () => {
  it('has priority 100 unless it declares another one', () => {
    expect(parse(good)).toEqual({ ...good, priority: 100 })
    expect(parse({ ...good, priority: 7 }).priority).toBe(7)
  })

  it('keeps the keys that the host uses and drops the other keys of Kytos', () => {
    const manifest = {
      ...good,
      version: '1.2',
      description: 'd',
      napp_dependencies: ['kytos/of_core'],
      settings: 'schema.json',
      priority: 3,
    }
    expect(parse({ ...manifest, license: 'MIT', tags: ['x'], author: 'me' })).toEqual(manifest)
  })

  it('is refused with everything that is wrong in one message', () => {
    expect(() =>
      parse({
        username: 'ky tos',
        priority: 'high',
        napp_dependencies: ['of_core'],
        settings: '../schema.json',
      }),
    ).toThrow(
      /^a\/napp\.json is invalid: "username" must be 1 to 64 letters.*"name" is missing.*"main" is missing.*"settings" must be.*"napp_dependencies" must be an array of NApp ids.*"priority" must be an integer/,
    )
  })

  it('may claim priority 0 for kytos/settings only', () => {
    expect(parse({ username: 'kytos', name: 'settings', main: 'main.js', priority: 0 }).priority).toBe(0)
    expect(() => parse({ ...good, priority: 0 })).toThrow(/"priority" must be an integer of 1 or more/)
  })

  it.each(['/etc/passwd', '../main.js', 'a/../../main.js', '..', '', 'a\0b'])(
    'may not name a main outside its folder: %j',
    main => {
      expect(() => parse({ ...good, main })).toThrow(/"main" must be a file in its folder/)
    },
  )

  it.each(['', '{', '[]', 'null', '{"name": 1, "name": 2}'])(
    'that is no JSON object is refused by name of the file: %j',
    text => {
      expect(() => parse(text)).toThrow(/^a\/napp\.json is invalid: /)
    },
  )
})
