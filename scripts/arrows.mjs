// Derives the linter rules (biome.rooms.json) and the table in docs/architecture.md from rooms.json, the list
// of allowed imports.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const [BEGIN, END] = ['<!-- rooms: begin -->', '<!-- rooms: end -->']

/** Room name -> `{ holds, imports }`, lowest room first. */
export const ROOMS = JSON.parse(readFileSync(join(ROOT, 'rooms.json'), 'utf8'))

/** The room of a path, the longest name that contains it; undefined for a path outside every room. */
export function roomOf(path) {
  const names = Object.keys(ROOMS).filter(name => path.startsWith(`${name}/`))
  return names.sort((a, b) => b.length - a.length)[0]
}

/** The linter overrides, one for each folder, with a pattern for each room that its files may not import. */
export function lintOverrides() {
  return Object.entries(ROOMS).flatMap(([room, { imports }]) => {
    const allowed = [...imports, room]
    const forbidden = Object.keys(ROOMS).filter(other => !allowed.includes(other))
    return foldersOf(room).map(folder => {
      const group = forbidden.flatMap(other => patterns(folder, other, allowed))
      const message = `${room} may import ${imports.join(', ') || 'no other room'}: see rooms.json.`
      const rule = { level: 'error', options: { patterns: [{ group, message }] } }
      return { includes: [`${folder}/*.ts`], linter: { rules: { style: { noRestrictedImports: rule } } } }
    })
  })
}

/** The table of rooms in docs/architecture.md, without the markers. */
export function roomTable() {
  const rows = Object.entries(ROOMS).map(
    ([room, { holds, imports }]) =>
      `| \`${room}/\` | ${holds} | ${imports.map(name => `\`${name}\``).join(', ') || 'no other room'} |`,
  )
  return ['| room | contents | imports |', '|---|---|---|', ...rows].join('\n')
}

/** The text of biome.rooms.json, which biome.json extends. */
export function lintText() {
  return `${JSON.stringify({ overrides: lintOverrides() }, null, 1)}\n`
}

/** The text of docs/architecture.md with the derived table. */
export function architectureText() {
  const text = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')
  const [before, after] = [text.split(BEGIN)[0], text.split(END)[1]]
  return `${before}${BEGIN}\n${roomTable()}\n${END}${after}`
}

/** The folders with TypeScript files that belong to a room and to no room inside it. */
export function foldersOf(room) {
  const found = []
  const visit = folder => {
    const entries = readdirSync(join(ROOT, folder), { withFileTypes: true })
    if (entries.some(entry => entry.isFile() && entry.name.endsWith('.ts'))) found.push(folder)
    for (const entry of entries) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory() && roomOf(`${path}/`) === room) visit(path)
    }
  }
  visit(room)
  return found.sort()
}

/**
 * The patterns of the import paths from `folder` to `room`. A room with allowed rooms inside it is matched
 * without its subfolders.
 */
function patterns(folder, room, allowed) {
  const path = relative(folder, room) || '.'
  const prefix = path.startsWith('.') ? path : `./${path}`
  const hasAllowedInside = allowed.some(name => name.startsWith(`${room}/`))
  return [hasAllowedInside ? `${prefix}/*.ts` : `${prefix}/**`]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(join(ROOT, 'biome.rooms.json'), lintText())
  writeFileSync(join(ROOT, 'docs/architecture.md'), architectureText())
}
