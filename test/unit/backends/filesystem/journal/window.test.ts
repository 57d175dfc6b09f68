import { describe, expect, it } from 'vitest'
import type { Batch } from '../../../../../backends/backend.ts'
import { BatchWindow } from '../../../../../backends/filesystem/journal/window.ts'
import { isSettingsError } from '../../../../../model/errors.ts'

const batch = (revision: bigint): Batch => ({ revision, changes: [] })
const lost = (act: () => unknown): boolean => {
  try {
    act()
    return false
  } catch (error) {
    return isSettingsError(error, 'HISTORY_LOST')
  }
}

describe('The window of recent batches', () => {
  it('serves every revision from its floor on, and calls older and future ones lost', () => {
    const window = new BatchWindow({ batches: 3, bytes: 1e9 }, 0n)
    for (let revision = 1n; revision <= 10n; revision++) window.append([batch(revision)])
    expect(window.floor).toBe(7n)
    expect(window.at(window.after(7n))?.revision).toBe(8n)
    expect(window.at(window.after(10n))).toBeUndefined()
    expect(lost(() => window.after(6n))).toBe(true)
    expect(lost(() => window.after(11n))).toBe(true)
  })

  it('tells a reader that fell out, however far the log has moved', () => {
    const window = new BatchWindow({ batches: 2, bytes: 1e9 }, 0n)
    const position = window.after(0n)
    for (let revision = 1n; revision <= 2n; revision++) window.append([batch(revision)])
    expect(window.at(position)?.revision).toBe(1n)
    for (let revision = 3n; revision <= 50n; revision++) window.append([batch(revision)])
    expect(lost(() => window.at(position))).toBe(true)
  })

  it('keeps what came at once together, so that a reader who waits never falls out', () => {
    const window = new BatchWindow({ batches: 1, bytes: 1 }, 0n)
    const position = window.after(0n)
    window.append([batch(1n), batch(2n), batch(3n)])
    expect([0, 1, 2].map(step => window.at(position + step)?.revision)).toEqual([1n, 2n, 3n])
  })

  it('wakes those who wait', async () => {
    const window = new BatchWindow({ batches: 1, bytes: 1 }, 0n)
    const change = window.nextChange()
    window.append([batch(1n)])
    await change
  })
})
