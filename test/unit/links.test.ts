import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { anchorsOf, linksOf } from '../support/links.ts'

/*
 * Every link of a page leads to a file of this project, and every anchor to a heading of that file. Links to
 * other sites are not requested. Pages in the packed package link only to files that are packed too.
 */

const ROOT = join(import.meta.dirname, '../..')
const FOLDERS = ['docs', '.github', 'examples', 'napps', 'bridge']

async function pagesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.md'))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort()
}

const atRoot = (await readdir(ROOT)).filter(name => name.endsWith('.md'))
const pages = [...atRoot, ...(await Promise.all(FOLDERS.map(pagesBelow))).flat()]

/** The reason why a link of a page is dead, or undefined. */
async function faultOf(page: string, target: string): Promise<string | undefined> {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), decodeURIComponent(path))
  const name = relative(ROOT, file)
  if (name.startsWith('..')) return `${target} leaves the project`
  if (!existsSync(file)) return `${name} does not exist`
  if (anchor === undefined) return undefined
  if ((await stat(file)).isDirectory() || !file.endsWith('.md')) return `${name} has no anchors`
  return anchorsOf(await readFile(file, 'utf8')).has(anchor) ? undefined : `${name} has no heading #${anchor}`
}

it('has pages to examine', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'SECURITY.md', 'docs/security.md']))
})

it.each(pages)('%s has no dead link and no dead anchor', async page => {
  const targets = linksOf(await readFile(join(ROOT, page), 'utf8'))
  const faults = await Promise.all(targets.map(target => faultOf(page, target)))
  expect(faults.filter(fault => fault !== undefined)).toEqual([])
})

it('pages of the package link to files of the package', async () => {
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }
  const packed = [...manifest.files, 'README.md', 'LICENSE', 'package.json']
  const isPacked = (name: string) => packed.some(entry => name === entry || name.startsWith(`${entry}/`))
  const missing: string[] = []
  for (const page of pages.filter(isPacked))
    for (const target of linksOf(await readFile(join(ROOT, page), 'utf8'))) {
      if (/^(?:[a-z][a-z+.-]*:|#)/i.test(target)) continue
      const name = relative(ROOT, resolve(ROOT, dirname(page), target.split('#')[0] ?? ''))
      if (!isPacked(name)) missing.push(`${page}: ${name}`)
    }
  expect(missing).toEqual([])
})

it('every page of docs/ is linked from another page', async () => {
  const linked = new Set<string>()
  for (const page of pages)
    for (const target of linksOf(await readFile(join(ROOT, page), 'utf8'))) {
      const [path = ''] = target.split('#')
      const name = relative(ROOT, resolve(ROOT, dirname(page), path))
      if (path !== '' && name !== page) linked.add(name)
    }
  expect(pages.filter(page => page.startsWith('docs/') && !linked.has(page))).toEqual([])
})

it.each([
  ['[a](b.md) and ![c](d.png "title")', ['b.md', 'd.png']],
  ['`[a](b.md)` and [`code`](e.md#f)', ['e.md#f']],
  ['```\n[a](b.md)\n```\n[g]: h.md\n', ['h.md']],
  ['<a href="i.md">x</a>, <img src=\'j.svg\'>', ['i.md', 'j.svg']],
  ['[a link](over\n.md)', []],
])('finds the links of %j', (text, targets) => {
  expect(linksOf(text)).toEqual(targets)
})

it('builds the anchors of headings as GitHub does', () => {
  const text =
    '# How to add ...\n## `kytos.ini`, the file\n## A [link](b.md)\n# Same\n# Same\n```\n# no\n```\n'
  expect([...anchorsOf(`${text}<a id="own"></a>`)]).toEqual([
    'how-to-add-',
    'kytosini-the-file',
    'a-link',
    'same',
    'same-1',
    'own',
  ])
})
