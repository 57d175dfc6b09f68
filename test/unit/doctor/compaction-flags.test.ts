import { describe, expect, it } from 'vitest'
import { compactionHorizon } from '../../../src/doctor/compaction-flags.ts'

describe('the auto-compaction that a command line asks for', () => {
  it.each([
    [['etcd'], { off: true }],
    [['etcd', '--auto-compaction-retention=0'], { off: true }],
    [['etcd', '--config-file', 'etcd.yml'], { off: false }],
    [['etcd', '--auto-compaction-retention', '1'], { off: false, seconds: 3_600 }],
    [
      ['etcd', '--auto-compaction-mode=periodic', '--auto-compaction-retention=1h30m'],
      { off: false, seconds: 5_400 },
    ],
    [['etcd', '-auto-compaction-retention=90s'], { off: false, seconds: 90 }],
    [
      ['etcd', '--auto-compaction-mode=revision', '--auto-compaction-retention=1000'],
      { off: false, changes: 1_000 },
    ],
    [['etcd', '--auto-compaction-retention=soon'], { off: false }],
  ])('%j is %j', (commandLine, horizon) => {
    expect(compactionHorizon(commandLine)).toEqual(horizon)
  })
})
