import { describe, expect, it } from 'vitest'
import { createAuthOptions } from '../../../src/app/auth-options.ts'
import type { Config } from '../../../src/boot/config.ts'
import type { Tokens } from '../../../src/tokens/tokens.ts'
import { keepLog } from '../../support/controller.ts'
import { configFor } from '../host/napps-tree.ts'

const SECRET = '0123456789abcdef0123456789abcdef'
// Nothing of them is used here.
const tokens = {} as Tokens

function create(settings: Partial<Config['settings']>, jwt_secret?: string) {
  const config = configFor('/napps')
  const log = keepLog()
  const daemon = { ...config.daemon, jwt_secret }
  return {
    ...createAuthOptions({ ...config, daemon, settings: { ...config.settings, ...settings } }, tokens, log),
    warnings: log.lines,
  }
}

describe('the door', () => {
  it('of a service on loopback asks for what the configuration says, and says nothing', () => {
    expect(create({})).toEqual({ required: false, tokens, warnings: [] })
    expect(create({ authentication: 'required' })).toEqual({ required: true, tokens, warnings: [] })
  })

  it('that others reach says what an operator may not have meant', () => {
    expect(create({ listen: '0.0.0.0', allow_anonymous: true }).warnings).toEqual([
      expect.stringContaining('every client that reaches 0.0.0.0 can'),
    ])
    expect(create({ listen: '::', authentication: 'required' }).warnings).toEqual([
      expect.stringContaining('Tokens are sent to :: unencrypted'),
    ])
    expect(
      create({ listen: '0.0.0.0', authentication: 'required', tls_cert: 'c', tls_key: 'k' }).warnings,
    ).toEqual([])
  })

  it('takes login tokens of Kytos where it has a secret that is one, for the rights they may have', () => {
    expect(create({ jwt_rights: ['read'] }, SECRET)).toEqual({
      required: false,
      tokens,
      jwt: { secret: SECRET, rights: ['read'] },
      warnings: [],
    })
    expect(create({ jwt_rights: [] }, SECRET)).toEqual({ required: false, tokens, warnings: [] })
    const short = create({ jwt_rights: ['read'] }, SECRET.slice(1))
    expect(short).toEqual({
      required: false,
      tokens,
      warnings: [expect.stringContaining('Login tokens of Kytos are rejected')],
    })
    expect(short.warnings.join()).not.toContain(SECRET.slice(1))
  })
})
