import { expect, it } from 'vitest'
import type { KytosEvent } from '../../../events/event.ts'
import { logAnswer, logFact } from '../../../src/log/audit-log.ts'
import type { Log, LogFields } from '../../../src/log/log.ts'
import { openController } from '../../support/controller.ts'

/** A log that keeps lines with their fields. */
function keepFields() {
  const lines: { level: string; message: string; fields: LogFields | undefined }[] = []
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push({ level, message, fields })
  const log: Log = { info: at('info'), warn: at('warn'), error: at('error'), child: () => log }
  return { log, lines }
}

async function openAudited() {
  const controller = await openController()
  const { log, lines } = keepFields()
  controller.service.feed.follow(undefined, event => logFact(log, event))
  controller.root.onAnswer(answered => logAnswer(log, answered))
  return { ...controller, lines, facts: controller.facts as readonly KytosEvent[] }
}

it('a change of settings is told with its revision, the id of its fact, and who made it; never a value', async () => {
  const { ask, lines, facts, close } = await openAudited()
  const { revision } = await ask('kytos.settings.update', {
    namespace: 'kytos/of_lldp',
    data: { password: 'secret', a: { b: 1 } },
  })
  await expect.poll(() => facts.some(({ name }) => name === 'settings.changed')).toBe(true)
  const fact = facts.find(({ name }) => name === 'settings.changed')
  expect(lines).toEqual([
    {
      level: 'info',
      message: `kytos/of_lldp was created by napp kytos/test at revision ${revision}: /password, /a/b`,
      fields: expect.objectContaining({
        event: 'settings.changed',
        event_id: fact?.id,
        namespace: 'kytos/of_lldp',
        revision,
        version: 1,
        origin: 'live',
        actor: 'napp kytos/test',
      }),
    },
  ])
  expect(JSON.stringify(lines)).not.toContain('secret')
  await close()
})

it('a command that was refused is told with its code and the id of its event; one that only reads, or was done, is not', async () => {
  const { ask, bus, lines, close } = await openAudited()
  const event = bus.emit('kytos.settings.update', {
    namespace: 'kytos/of_lldp',
    data: { secret: 1 },
    revision: '99',
    callback: () => {},
  })
  await expect.poll(() => lines).toHaveLength(1)
  expect(lines).toEqual([
    {
      level: 'info',
      message: 'kytos.settings.update of "kytos/of_lldp" by napp kytos/test was rejected: REVISION_MISMATCH',
      fields: {
        event: 'kytos.settings.update',
        event_id: event.id,
        namespace: 'kytos/of_lldp',
        actor: 'napp kytos/test',
        code: 'REVISION_MISMATCH',
      },
    },
  ])
  await ask('kytos.settings.retrieve', { namespace: 'kytos/none' }).catch(() => {})
  await ask('kytos.storehouse.create', { namespace: 'net', data: 'secret' })
  expect(lines).toHaveLength(1)
  await close()
})

it('many changes at once are told in one line', async () => {
  const { ask, lines, close } = await openAudited()
  await ask('kytos.settings.update', {
    namespace: 'kytos/a',
    data: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, i])),
  })
  expect(lines[0]?.message).toMatch(/: \/k0, \/k1, \/k2, \/k3, \/k4 and 4 more$/)
  await close()
})
