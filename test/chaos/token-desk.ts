import { isSettingsError } from '../../model/errors.ts'
import type { Service } from '../../src/app/service.ts'
import type { TokenSight } from './history.ts'
import type { TokenDesk } from './stage.ts'

const MAKER = { type: 'user', name: 'chaos' } as const

/** The token desk of a service in this process. */
export function createTokenDesk({ tokens, health }: Pick<Service, 'tokens' | 'health'>): TokenDesk {
  return {
    make: async name => {
      const { id, token } = await tokens.create({ name, rights: ['read'] }, MAKER)
      return { id, token }
    },
    revoke: id => tokens.revoke(id),
    check: async token => {
      // Nothing comes between the verdict and the place that it was given at.
      const verdict = verdictOn(token)
      const { state, epoch, revision } = health()
      return { verdict, state, epoch, revision: revision.toString() }
    },
  }

  function verdictOn(token: string): TokenSight['verdict'] {
    try {
      tokens.check(token)
      return 'accepted'
    } catch (error) {
      if (isSettingsError(error, 'TOKEN_INVALID', 'STORE_STALE'))
        return error.code === 'STORE_STALE' ? 'STORE_STALE' : 'TOKEN_INVALID'
      throw error
    }
  }
}
