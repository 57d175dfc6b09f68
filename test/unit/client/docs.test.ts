import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openMemorySettings } from '../../../src/app/memory-settings.ts'
import { packageRoot } from '../../../src/host/package-root.ts'

const read = (file: string) => readFile(join(packageRoot(), file), 'utf8')

describe('docs/napp-api.md', () => {
  it('shows the example NApp as it is', async () => {
    const [, shown] = /^```js\n(.*?)^```$/ms.exec(await read('docs/napp-api.md')) ?? []
    expect(shown).toBe(await read('examples/live_poller/main.mjs'))
  })

  it('has a row for everything that live settings offer', async () => {
    const page = await read('docs/napp-api.md')
    const declared = await read('src/client/live-settings.ts')
    const [, members = ''] = /^export interface LiveSettings<.*?\{\n(.*?)^\}/ms.exec(declared) ?? []
    const names = [...members.matchAll(/^ {2}(?:readonly )?(\w+)[(:<]/gm)]
      .map(([, name]) => name)
      .filter(name => name !== 'namespace')
    expect(names).toContain('update')
    for (const name of names) expect(page).toContain(`\`settings.${name}`)
  })

  it('is right about how a NApp is tested', async () => {
    const schema = { type: 'object', properties: { interval: { type: 'number', default: 5 } } } as const
    const settings = await openMemorySettings(schema, { interval: 1 })
    onTestFinished(() => settings.close())
    const did: number[] = []
    const { openSettings } = settings.context
    const napp = {
      async setup() {
        const own = await openSettings(schema)
        did.push(own.values.interval)
        own.on('interval', now => void did.push(now))
      },
    }
    await napp.setup()
    await settings.update({ interval: 2 })
    await expect.poll(() => did).toEqual([1, 2])
  })
})
