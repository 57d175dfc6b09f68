import { afterAll, beforeAll } from 'vitest'
import { createEtcdBackend } from '../../backends/etcd/index.ts'
import type { Place } from '../../conformance/harness/case.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import { startMessageProxy } from '../support/message-proxy.ts'
import { declareSuite } from './declare-suite.ts'

let server: EtcdServer
let places = 0

beforeAll(async () => {
  server = await startEtcd()
})

afterAll(() => server.stop())

declareSuite({
  title: 'etcd',
  supports: { sharing: true, durability: true, handEdits: true },
  crash: true,
  forget: true,
  lossy: true,
  ttl: 2,
  timeoutMs: 20_000,
  create: async () => etcdPlace(`/conformance/${places++}`),
})

/**
 * A store below a prefix of its own. The server outlives its clients, so another client sees what a crash of
 * the first leaves.
 */
function etcdPlace(prefix: string): Place {
  const backend = () =>
    createEtcdBackend({ endpoints: server.endpoints, prefix, timeout: 20 }, { report: () => {} })
  return {
    backend,
    async lossy() {
      const line = await startMessageProxy(server.port)
      // The store may show a commit before its answer has reached the line, which is broken only then.
      let onBroken: () => void = () => {}
      const broken = new Promise<void>(resolve => {
        onBroken = resolve
      })
      return {
        backend: createEtcdBackend({ endpoints: [line.endpoint], prefix, timeout: 20 }, { report: () => {} }),
        loseAnswers: () =>
          line.breakAt(({ committed }) => {
            if (!committed) return undefined
            line.refuse()
            onBroken()
            return 'before'
          }),
        restore: () => void broken.then(() => line.resume()),
        close: () => line.close(),
      }
    },
    afterCrash: async () => backend(),
    forget: () => server.compact(),
    remove: async () => {},
  }
}
