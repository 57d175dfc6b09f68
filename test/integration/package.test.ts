import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../../src/host/package-root.ts'

const ROOT = packageRoot()
/** The commands that need the sources. */
const CHECKOUT_COMMAND = /^(?:\$ )?(?:npm (?:start|test|ci|run|pack)\b|node scripts\/|git )/m

/** The paths of the packed files, and of the dependencies in it. */
let packed: ReadonlySet<string>
beforeAll(() => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline']
  const json = execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 })
  const [found]: [{ files: { path: string }[] }] = JSON.parse(json)
  packed = new Set(found.files.map(({ path }) => path))
})

const read = (file: string): Promise<string> => readFile(join(ROOT, file), 'utf8')

describe('the packed package', () => {
  it('contains its dependencies in versions that accept Node 20.19', async () => {
    const {
      packages,
    }: { packages: Record<string, { dev?: boolean; peer?: boolean; devOptional?: boolean }> } = JSON.parse(
      await read('package-lock.json'),
    )
    const needed = Object.entries(packages).filter(
      ([path, { dev, peer, devOptional }]) => path !== '' && !dev && !peer && !devOptional,
    )
    expect(needed.length).toBeGreaterThan(90)
    expect(needed.map(([path]) => `${path}/package.json`).filter(file => !packed.has(file))).toEqual([])
    const { engines } = JSON.parse(await read('node_modules/cookie/package.json'))
    expect(engines.node).toBe('>=18')
  })

  it('contains examples, the unit of systemd, and every file that its pages link to', async () => {
    for (const file of ['examples/live_poller/main.test.mjs', 'kytos-settings.service', 'kytos.example.ini'])
      expect(packed).toContain(file)
    const pages = [...packed].filter(file => /^(?:[A-Z]+|docs\/[\w-]+)\.md$/.test(file))
    expect(pages.length).toBeGreaterThan(14)
    const dead: string[] = []
    for (const page of pages) {
      for (const [, link = ''] of (await read(page)).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^https?:/.test(link)) continue
        const target = normalize(join(dirname(page), link)).replace(/\/$/, '')
        if (![...packed].some(file => file === target || file.startsWith(`${target}/`)))
          dead.push(`${page}: ${link}`)
      }
    }
    expect(dead).toEqual([])
  })

  it('has a README without commands that need a checkout, and without links to missing headings', async () => {
    const readme = await read('README.md')
    const commands = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = '']) => text)
    expect(commands.length).toBeGreaterThan(3)
    expect(commands.filter(text => CHECKOUT_COMMAND.test(text))).toEqual([])
    for (const [, page = '', heading = ''] of readme.matchAll(/\]\(([^)#\s]+)#([^)]+)\)/g)) {
      const headings = [...(await read(page)).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
        text
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      )
      expect(headings).toContain(heading)
    }
  })

  it('has a unit that systemd accepts, if systemd is on this machine', async () => {
    const unit = await read('kytos-settings.service')
    expect(unit).toContain('DynamicUser=yes')
    const systemd = '/usr/bin/systemd-analyze'
    if (!existsSync(systemd)) return
    const checked = spawnSync(systemd, ['verify', join(ROOT, 'kytos-settings.service')], { encoding: 'utf8' })
    expect([checked.status, checked.stderr]).toEqual([0, ''])
  })
})
