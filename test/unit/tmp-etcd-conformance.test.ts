import { afterAll, beforeAll } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import { suite } from '../conformance/suite.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
let etcd: EtcdServer
let n = 0
beforeAll(async () => { etcd = await startEtcd() })
afterAll(() => etcd.stop())
suite({
  title: 'etcd', supports: { sharing: true, durability: true, handEdits: true }, crash: false, forget: true, ttl: 1, patience: 5000,
  create: async () => {
    const prefix = `/case${n++}`
    return {
      backend: () => createEtcdBackend({ endpoints: etcd.endpoints, prefix, timeout: 5 }, { report: () => {} }),
      forget: () => etcd.compact(),
      remove: async () => {},
    }
  },
})
