import { describe, expect, it } from 'vitest'
import { isInStep, outdated } from '../../../../backends/etcd/version.ts'

describe('The version of an etcd', () => {
  it.each(['3.4.38', '3.4.40', '3.5.22', '3.6.2', '3.6.16', '3.7.0', '4.0.0'])(
    '%s has all the fixes',
    version => {
      expect(outdated(version)).toBeUndefined()
    },
  )

  it.each(['3.3.99', '3.4.23', '3.4.37', '3.5.0', '3.5.21', '3.6.0', '3.6.1', 'unknown'])(
    '%s is reported as outdated',
    version => {
      expect(outdated(version)).toContain(`etcd ${version}`)
    },
  )

  it('tells whether progress keeps in step with events', () => {
    expect(['3.4.24', '3.5.7', '3.3.0', ''].map(isInStep)).toEqual([false, false, false, false])
    expect(['3.4.25', '3.5.8', '3.6.0'].map(isInStep)).toEqual([true, true, true])
  })
})
