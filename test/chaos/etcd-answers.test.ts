import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Controller } from '../support/controller.ts'
import { type EtcdServer, startEtcd } from '../support/etcd.ts'
import {
  type ChangeOutcome,
  change,
  expectAllReceived,
  expectOutcomesHold,
  openFollower,
  settled,
} from '../support/followers.ts'
import { type MessageProxy, startMessageProxy } from '../support/message-proxy.ts'

/*
 * The answer to a guarded change is lost after each number of bytes: what its asker is told is what the store
 * says, and nobody's change is done twice.
 */

const STEP = process.env.CHAOS_LONG === '1' ? 1 : 9
/** More than the answer to one commit takes on the line. */
const MOST = 120

let etcd: EtcdServer
let line: MessageProxy
const controllers: Controller[] = []

beforeAll(async () => {
  etcd = await startEtcd()
  line = await startMessageProxy(etcd.port)
  controllers.push(await openFollower('direct', { endpoints: etcd.endpoints }))
  controllers.push(await openFollower('cut', { endpoints: [line.endpoint] }))
})

afterAll(async () => {
  await Promise.all(controllers.map(one => one.close()))
  await line.close()
  await etcd.stop()
})

describe('A guarded change whose answer is lost', () => {
  it('is told truly after whichever byte, is no conflict with itself, and is done once', {
    timeout: 120_000,
  }, async () => {
    const [direct, cut] = controllers
    if (!direct || !cut) throw new Error('Two controllers were opened.')
    const namespace = 'kytos/answers'
    const told: ChangeOutcome[] = []
    let { revision } = await direct.ask('kytos.settings.update', { namespace, data: { start: 1 } })
    for (let bytes = 0; bytes < MOST; bytes += STEP) {
      await settled(etcd.client, controllers)
      line.breakAt(({ committed }) => (committed ? bytes : undefined))
      const id = `cut after ${bytes}`
      try {
        // Guarded by the revision: a repetition that took its own first attempt for another's would be a
        // mismatch.
        await cut.ask('kytos.settings.update', { namespace, data: { bytes }, revision, comment: id })
        told.push({ id, outcome: 'acked', code: undefined, took: 0 })
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(OUTCOME_UNKNOWN|STORE_UNREACHABLE)$/) })
        const { code } = error as { code: string }
        told.push({ id, outcome: code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused', code, took: 0 })
      }
      revision = (await direct.ask('kytos.settings.retrieve', { namespace, fresh: true })).revision
    }
    // The line comes back at once, so whoever asks again gets an answer in time.
    expect(told.map(({ outcome }) => outcome)).toEqual(told.map(() => 'acked'))
    told.push(await change(cut, namespace, { after: 1 }, 'after'))
    const steps = await expectAllReceived(etcd.client, controllers)
    expectOutcomesHold(steps, told)
    // Each of them was applied, and its answer was lost.
    expect(line.breaks).toBe(told.length - 1)
  })
})
