import type { SyntaxNode } from '../python/syntax/node.ts'

/** A name that an import statement binds. */
export interface ImportedName {
  readonly local: string
  /** The absolute path of the module, such as `napps.kytos.of_lldp`. */
  readonly module: string
  /** The member of the module that is imported, `*` for all; undefined for the module itself. */
  readonly member?: string
}

/** Where settings come from: the module of a namespace, one setting of it, or all of them. */
export type SettingsBinding =
  | { readonly kind: 'module'; readonly namespace: string }
  | { readonly kind: 'setting'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'star'; readonly namespace: string }

const SETTINGS_MODULE = /^napps\.([\w-]+)\.([\w-]+)\.settings$/
const NAPP_PACKAGE = /^napps\.([\w-]+)\.([\w-]+)$/

/** The names that an `ImportStatement` of a module in the package `home` binds. */
export function importedNames(statement: SyntaxNode, text: string, home: string): readonly ImportedName[] {
  const words = statement.children.map(({ from, to }) => text.slice(from, to))
  if (words[0] === 'from') {
    const at = words.indexOf('import')
    const module = resolveModule(words.slice(1, at).join(''), home)
    return splitByCommas(words.slice(at + 1)).map(([member = '', , local = member]) => {
      return { local, module, member }
    })
  }
  return splitByCommas(words.slice(1)).map(part => {
    const as = part.indexOf('as')
    const module = part.slice(0, as < 0 ? part.length : as).join('')
    const local = as < 0 ? (part[0] ?? '') : (part[as + 1] ?? '')
    return { local, module: as < 0 ? local : module }
  })
}

/** The settings that an imported name stands for; undefined when it stands for something else. */
export function settingsBinding({ module, member }: ImportedName): SettingsBinding | undefined {
  const whole = SETTINGS_MODULE.exec(member === undefined ? module : `${module}.${member}`)
  if (whole) return { kind: 'module', namespace: `${whole[1]}/${whole[2]}` }
  const owner = SETTINGS_MODULE.exec(module)
  if (!owner || member === undefined) return undefined
  const namespace = `${owner[1]}/${owner[2]}`
  return member === '*' ? { kind: 'star', namespace } : { kind: 'setting', namespace, name: member }
}

/** The namespace and setting that a dotted path from `napps` on names, such as `napps.a.b.settings.X`. */
export function dottedSetting(
  path: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const dot = path.lastIndexOf('.')
  const owner = SETTINGS_MODULE.exec(path.slice(0, dot))
  return owner ? { namespace: `${owner[1]}/${owner[2]}`, name: path.slice(dot + 1) } : undefined
}

/** The package of a NApp, `napps.<username>.<name>`. */
export function packageOf(namespace: string): string {
  const path = `napps.${namespace.replace('/', '.')}`
  return NAPP_PACKAGE.test(path) ? path : 'napps'
}

/** An absolute module path; each dot in front beyond the first leaves one package. */
function resolveModule(path: string, home: string): string {
  const dots = /^\.*/.exec(path)?.[0].length ?? 0
  if (dots === 0) return path
  const packages = home.split('.')
  const base = packages.slice(0, Math.max(0, packages.length - (dots - 1)))
  const rest = path.slice(dots)
  return [...base, ...(rest === '' ? [] : [rest])].join('.')
}

function splitByCommas(words: readonly string[]): readonly (readonly string[])[] {
  const parts: string[][] = [[]]
  for (const word of words) {
    if (word === '(' || word === ')') continue
    if (word === ',') parts.push([])
    else parts.at(-1)?.push(word)
  }
  return parts.filter(part => part.length > 0)
}
