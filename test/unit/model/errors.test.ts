import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import {
  ERRORS,
  type ErrorCode,
  isSettingsError,
  SettingsError,
  toSettingsError,
} from '../../../model/errors.ts'

describe('The table of errors', () => {
  it('gives each code an HTTP status and an exit code that say the same', () => {
    for (const [code, { status, exit }] of Object.entries(ERRORS)) {
      assert.match(code, /^[A-Z]+(?:_[A-Z]+)+$|^(?:CONTENTION|PENDING|TIMEOUT)$/)
      assert.ok(status >= 400 && status < 600, code)
      assert.ok(exit >= 1 && exit <= 6, code)
      if (exit === 5) assert.ok([409, 412, 423].includes(status), code)
      if (exit === 6) assert.ok(status === 503 || status === 504, code)
    }
  })

  it('has a caller repeat only what was surely not applied', () => {
    for (const [code, { status, retryable }] of Object.entries(ERRORS))
      if (retryable) assert.equal(status, 503, code)
    assert.equal(ERRORS.OUTCOME_UNKNOWN.retryable, false)
    assert.equal(ERRORS.STORE_UNREACHABLE.retryable, true)
  })
})

describe('A SettingsError', () => {
  it('is known as one whichever copy of the package made it: a NApp may bring its own', async () => {
    const address = new URL('../../../model/errors.ts?copy', import.meta.url).href
    const copy: typeof import('../../../model/errors.ts') = await import(address)
    assert.notEqual(copy.SettingsError, SettingsError)
    const error = new copy.SettingsError('DOCUMENT_EXISTS', 'It is there.')
    assert.ok(error instanceof SettingsError)
    assert.ok(isSettingsError(error, 'DOCUMENT_EXISTS'))
    assert.equal(toSettingsError(error), error)
    for (const other of [new Error('x'), { code: 'DOCUMENT_EXISTS' }, undefined, 'x'])
      assert.equal(isSettingsError(other), false)
  })

  it('carries its code, message, details and cause, and looks the rest up', () => {
    const cause = new Error('below')
    const error = new SettingsError('REVISION_MISMATCH', 'What, where, what to do.', {
      cause,
      details: { got: '1' },
    })
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'SettingsError')
    assert.equal(error.cause, cause)
    assert.deepEqual(error.details, { got: '1' })
    assert.deepEqual([error.status, error.exit, error.retryable], [412, 5, false])
  })

  it('has no cause and no details unless they are given', () => {
    const error = new SettingsError('INTERNAL_ERROR', 'x')
    assert.equal('cause' in error, false)
    assert.deepEqual(error.details, {})
  })

  it('is told from others, and by its codes', () => {
    const error: unknown = new SettingsError('BOX_NOT_FOUND', 'x')
    const others: ErrorCode[] = ['NAMESPACE_NOT_FOUND', 'NAPP_NOT_FOUND']
    assert.equal(isSettingsError(error), true)
    assert.equal(isSettingsError(error, 'BOX_NOT_FOUND', ...others), true)
    assert.equal(isSettingsError(error, ...others), false)
    assert.equal(isSettingsError(new Error('BOX_NOT_FOUND')), false)
    assert.equal(isSettingsError({ code: 'BOX_NOT_FOUND' }), false)
  })
})

describe('toSettingsError', () => {
  it('leaves ours as they are', () => {
    const error = new SettingsError('BOX_NOT_FOUND', 'x')
    assert.equal(toSettingsError(error), error)
  })

  it('makes anything else an INTERNAL_ERROR that keeps what was thrown', () => {
    for (const thrown of [new TypeError('boom'), 'boom', undefined, null, 7, { toString: () => 'boom' }]) {
      const error = toSettingsError(thrown)
      assert.equal(error.code, 'INTERNAL_ERROR')
      if (thrown !== undefined) assert.equal(error.cause, thrown)
    }
    assert.match(toSettingsError(new TypeError('boom')).message, /boom/)
  })
})
