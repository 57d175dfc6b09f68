import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Preview } from '../../../../events/changes.ts'
import type { Settings } from '../../../../events/nouns.ts'
import { printChanged } from '../../../../src/cli/edit/print-changed.ts'

const SETTINGS: Settings = {
  namespace: 'kytos/a',
  data: { x: 1 },
  overrides: {},
  revision: '3',
  version: 1,
  epoch: 1,
  state: 'READY',
  updated_at: null,
  updated_by: null,
  schema: true,
}
const consumer = {
  controller: 'c1',
  napp: 'kytos/b',
  apply: 'live',
  verdict: 'accepted',
  reason: null,
} as const

/** What is printed of a dry run with this preview, and what is thrown. */
async function printPreview(preview: Partial<Preview>, json = false) {
  let stdout = ''
  let stderr = ''
  const world = {
    cwd: '/',
    env: {},
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    stdin: Readable.from([]),
    interruption: () => new AbortController().signal,
    ready: () => {},
  }
  const after = { ...SETTINGS, preview: { changes: [], consumers: [], rejected: [], ...preview } }
  const unasked = () => Promise.reject(new Error('a dry run asks nothing more'))
  const service = {
    ask: unasked,
    bus: unasked,
    idOf: unasked,
    isOwnStore: () => false,
    release: async () => {},
  }
  const thrown = await printChanged(
    service,
    { before: SETTINGS, after },
    { json, scope: 'cluster' },
    world,
  ).catch(error => error)
  return { stdout, stderr, thrown }
}

describe('a dry run', () => {
  it.each([
    ['refused', 'too fast for "b"', 'kytos/b would reject this change: too fast for "b".'],
    ['late', null, 'kytos/b would reject this change: no answer within the deadline.'],
  ] as const)('that a NApp %s is shown whole, and is a conflict', async (verdict, reason, message) => {
    const consumers = [
      { ...consumer, napp: 'kytos/a' },
      { ...consumer, verdict, reason },
    ]
    const { stdout, thrown } = await printPreview({
      consumers,
      changes: [{ path: '/x', old: 1, new: 2, apply: 'reload' }],
    })
    expect(stdout).toMatch(/^x +1 +2 +reload$/m)
    expect(stdout).toMatch(/^kytos\/a +c1 +live +accepted$/m)
    expect(stdout).toMatch(new RegExp(`^kytos/b +c1 +live +${verdict}`, 'm'))
    expect(thrown).toMatchObject({ code: 'CHANGE_VETOED', exit: 5, message })
    expect(JSON.parse((await printPreview({ consumers }, true)).stdout)).toMatchObject({
      preview: { consumers },
    })
  })

  it('tells which other overrides would not count any more', async () => {
    const message = '"/x" must be at most 1, not 2.'
    const one = { scope: 'controller:c1', pointer: '/x', stored: 2, rule: 'maximum', message }
    const { stdout, thrown } = await printPreview({ rejected: [one] })
    expect(stdout).toBe(
      'The effective settings of kytos/a on this controller would not change.\n\nA value in the scope controller:c1 would become rejected: "/x" must be at most 1, not 2.\n\nDry run: nothing was written.\n',
    )
    expect(thrown).toBe(undefined)
  })
})
