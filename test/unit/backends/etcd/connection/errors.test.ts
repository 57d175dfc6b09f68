import { describe, expect, it } from 'vitest'
import { CallFailed, readFailure, toStoreError } from '../../../../../backends/etcd/connection/errors.ts'

describe('What etcd and the network say', () => {
  it.each([
    [
      '14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1 (x). Resolution note: ',
      'unsent',
      'STORE_UNREACHABLE',
    ],
    ['14 UNAVAILABLE: Channel closed before call started', 'unsent', 'STORE_UNREACHABLE'],
    [
      '4 DEADLINE_EXCEEDED: Deadline exceeded after 1s,name resolution: 0.002s,Waiting for LB pick',
      'unsent',
      'STORE_UNREACHABLE',
    ],
    ['14 UNAVAILABLE: etcdserver: no leader', 'unsent', 'STORE_UNREACHABLE'],
    ['8 RESOURCE_EXHAUSTED: etcdserver: too many requests', 'unsent', 'STORE_UNREACHABLE'],
    ['16 UNAUTHENTICATED: etcdserver: invalid auth token', 'unsent', 'STORE_UNREACHABLE'],
    [
      '4 DEADLINE_EXCEEDED: Deadline exceeded after 1.000s,remote_addr=127.0.0.1:2379',
      'unknown',
      'STORE_UNREACHABLE',
    ],
    ['14 UNAVAILABLE: read ECONNRESET', 'unknown', 'STORE_UNREACHABLE'],
    ['14 UNAVAILABLE: etcdserver: request timed out', 'unknown', 'STORE_UNREACHABLE'],
    ['14 UNAVAILABLE: etcdserver: leader changed', 'unknown', 'STORE_UNREACHABLE'],
    ['1 CANCELLED: Call cancelled', 'unknown', 'STORE_UNREACHABLE'],
    ['2 UNKNOWN: etcdserver: server stopped', 'unknown', 'STORE_UNREACHABLE'],
    [
      '3 INVALID_ARGUMENT: etcdserver: authentication failed, invalid user ID or password',
      'refused',
      'STORE_REFUSED',
    ],
    ['7 PERMISSION_DENIED: etcdserver: permission denied', 'refused', 'STORE_REFUSED'],
    ['8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded', 'refused', 'STORE_FULL'],
    ['3 INVALID_ARGUMENT: etcdserver: request is too large', 'refused', 'DOCUMENT_TOO_LARGE'],
    ['11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted', 'refused', 'HISTORY_LOST'],
    ['3 INVALID_ARGUMENT: etcdserver: duplicate key given in txn request', 'refused', 'STORE_REFUSED'],
  ] as const)('%s is %s', (text, kind, code) => {
    expect(readFailure(new Error(`Error: ${text}`))).toMatchObject({ kind, code })
  })

  it('a write that may have happened is OUTCOME_UNKNOWN, a read is not, and one that never left is not either', () => {
    const cut = readFailure(new Error('14 UNAVAILABLE: read ECONNRESET'))
    const never = readFailure(new Error('14 UNAVAILABLE: No connection established'))
    expect(toStoreError(new CallFailed(cut, true, undefined), 'a commit', 'e', true).code).toBe(
      'OUTCOME_UNKNOWN',
    )
    expect(toStoreError(new CallFailed(never, true, undefined), 'a commit', 'e', true).code).toBe(
      'OUTCOME_UNKNOWN',
    )
    expect(toStoreError(new CallFailed(cut, true, undefined), 'reading', 'e').code).toBe('STORE_UNREACHABLE')
    expect(toStoreError(new CallFailed(never, false, undefined), 'a commit', 'e', true).code).toBe(
      'STORE_UNREACHABLE',
    )
  })

  it('stands in the message without the noise of the library around it', () => {
    const text =
      '14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: '
    const error = toStoreError(
      new CallFailed(readFailure(new Error(text)), false, undefined),
      'the first read',
      'http://127.0.0.1:1',
    )
    expect(error.message).toBe(
      'etcd (http://127.0.0.1:1) did not respond to the first read: No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1.',
    )
  })
})
