import { resolve } from 'node:path'
import leven from 'leven'
import { type ConfigKey, type ConfigValues, configSections } from './config-schema.ts'
import { allowed, BACKEND, isOwnBackend } from './config-values.ts'
import type { Ini, IniOption, IniProblem } from './ini.ts'
import { isLoopback } from './loopback.ts'
import { type ConfigProblem, quote } from './problems.ts'

/*
 * Validates a file against the schema. `[daemon]` and all other sections belong to Kytos, which ignores
 * unknown names. The sections that begin with `settings` belong to this package, and an unknown name in them
 * is a mistake. An option from [DEFAULT] is never a mistake, because it applies to every section.
 */
const OWN_PREFIX = 'settings'

/** The sections, by name, whose schema is known only after the module of a backend is loaded. */
export type BackendSections = ReadonlyMap<string, ReadonlyMap<string, IniOption>>

export interface CheckedConfig {
  /** The sections `[settings.<name>]` for the module of a backend; none for a backend of this package. */
  readonly open: BackendSections
  /** Complete only when there are no problems. */
  readonly values: ConfigValues
  readonly problems: readonly ConfigProblem[]
}

/**
 * Validates every section and key of a file against the schema and returns all problems at once; relative
 * paths start at `folder`.
 */
export function checkConfig(ini: Ini, folder: string): CheckedConfig {
  const open = backendSections(ini)
  const problems: ConfigProblem[] = [
    ...ini.problems.filter(problem => isRelevant(problem, open)),
    ...findUnknownNames(ini, open),
  ]
  const values = Object.fromEntries(
    configSections().map(([section, keys]) => {
      const options = ini.sections.get(section)
      return [
        section,
        Object.fromEntries(
          Object.entries(keys).map(([key, schema]) => [
            key,
            readKey(section, key, schema, options?.get(key)),
          ]),
        ),
      ]
    }),
  )

  function readKey(section: string, key: string, schema: ConfigKey, option: IniOption | undefined): unknown {
    const { type } = schema
    // An empty optional key counts as absent, as in `database =` of Kytos.
    const text =
      option === undefined || (option.value === '' && schema.default === undefined)
        ? schema.default
        : option.value
    if (text === undefined) return undefined
    const reading =
      text === ''
        ? {
            wrong:
              `is empty: set a value (${type.name}), ` +
              `or remove the line for the default ${schema.default}`,
          }
        : type.read(text)
    if ('value' in reading) return type.path ? resolve(folder, text) : reading.value
    problems.push({ ...at(option?.line), message: `[${section}] ${key} ${reading.wrong}.` })
    return undefined
  }

  // The values are built from the table that ConfigValues is derived from; each missing value has a problem.
  const typed = values as unknown as ConfigValues
  return {
    open,
    values: typed,
    problems: [
      ...problems,
      ...crossCheck(typed['settings.etcd'], ini.sections.get('settings.etcd')),
      ...checkAccess(typed, ini),
    ],
  }
}

/**
 * True for a problem in a section that is read. Python expands a value when it is read, and Kytos reads all
 * of [daemon]; the sections of other programs are never read.
 */
function isRelevant({ section, key, inherited }: IniProblem, open: BackendSections): boolean {
  if (section === undefined || section === 'daemon') return true
  if (open.has(section)) return !inherited
  const keys = new Map(configSections()).get(section)
  return keys !== undefined && (!inherited || Object.hasOwn(keys, key ?? ''))
}

/** The sections of a backend of another package, as far as they are known without its code. */
function backendSections({ sections }: Ini): BackendSections {
  const backend = sections.get(OWN_PREFIX)?.get('backend')?.value || 'filesystem'
  if (isOwnBackend(backend) || 'wrong' in BACKEND.read(backend)) return new Map()
  const known = new Map(configSections())
  return new Map(
    [...sections].filter(([section]) => section.startsWith(`${OWN_PREFIX}.`) && !known.has(section)),
  )
}

function findUnknownNames({ sections, headers }: Ini, open: BackendSections): readonly ConfigProblem[] {
  const schema = configSections()
  const ours = schema.map(([section]) => section).filter(isOwnSection)
  return [...sections].flatMap(([section, options]): readonly ConfigProblem[] => {
    if (!isOwnSection(section) || open.has(section)) return []
    const keys = Object.keys(new Map(schema).get(section) ?? {})
    const own = [...options].filter(([, { inherited }]) => !inherited)
    if (keys.length === 0) {
      return [
        {
          ...at(headers.get(section)),
          message: `Unknown section [${section}]: ${allowed(section.trim(), ours)}.`,
        },
      ]
    }
    return own
      .filter(([key]) => !keys.includes(key))
      .map(([key, option]) => ({ ...at(option.line), message: unknownKey(section, key, keys) }))
  })
}

/** True for a section that begins with `settings`, or with a misspelling of it. */
function isOwnSection(section: string): boolean {
  const [head = ''] = section.trim().toLowerCase().split('.')
  return head.startsWith(OWN_PREFIX) || leven(head, OWN_PREFIX, { maxDistance: 2 }) < 2
}

/** The message for a key that a section does not have. */
export function unknownKey(section: string, key: string, keys: readonly string[]): string {
  const home = configSections().find(([, others]) => Object.hasOwn(others, key))?.[0]
  const what = `Unknown key ${quote(key)} in [${section}]`
  return home === undefined
    ? `${what}: ${allowed(key, keys)}.`
    : `${what}: it belongs to [${home}]; allowed here are ${keys.join(', ')}.`
}

/** The problems of keys that are valid alone, but not together. */
function crossCheck(
  etcd: ConfigValues['settings.etcd'],
  options: ReadonlyMap<string, IniOption> | undefined,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const pair = (one: 'username' | 'cert', other: 'password_file' | 'key'): void => {
    if ((etcd[one] === undefined) === (etcd[other] === undefined)) return
    const [there, missing] = etcd[one] === undefined ? [other, one] : [one, other]
    // A present but invalid value has its own problem.
    if (options?.get(missing)?.value) return
    problems.push({
      ...at(options?.get(there)?.line),
      message: `[settings.etcd] ${there} is set without ${missing}: set both or neither.`,
    })
  }
  pair('username', 'password_file')
  pair('cert', 'key')
  const plain = etcd.endpoints?.some(url => url.startsWith('http:'))
  for (const key of ['ca', 'cert'] as const) {
    if (!plain || etcd[key] === undefined) continue
    problems.push({
      ...at(options?.get(key)?.line),
      message:
        `[settings.etcd] ${key} is set, but endpoints start with http://, which is unencrypted. ` +
        `Use https://, or remove ${key}.`,
    })
  }
  return problems
}

/** The problems of the address, TLS and authentication together. */
function checkAccess({ daemon, settings }: ConfigValues, { sections }: Ini): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const options = sections.get('settings')
  if ((settings.tls_cert === undefined) !== (settings.tls_key === undefined)) {
    const [there, missing] =
      settings.tls_key === undefined ? ['tls_cert', 'tls_key'] : ['tls_key', 'tls_cert']
    if (!options?.get(missing)?.value)
      problems.push({
        ...at(options?.get(there)?.line),
        message: `[settings] ${there} is set without ${missing}: set both or neither.`,
      })
  }
  const listen = settings.listen ?? daemon.listen
  // An undefined value was invalid and has its own problem.
  if (
    listen !== undefined &&
    !isLoopback(listen) &&
    settings.authentication === 'none' &&
    settings.allow_anonymous === false
  ) {
    const option = options?.get('listen') ?? sections.get('daemon')?.get('listen')
    problems.push({
      ...at(option?.line),
      message:
        `listen is ${quote(listen)}, which other hosts can reach, but requests require no token. ` +
        'Set "authentication = required" in [settings] (then "kytos-settings token create NAME"), ' +
        'or "listen = 127.0.0.1". With "allow_anonymous = true", every client can change all settings.',
    })
  }
  return problems
}

function at(line: number | undefined): { readonly line?: number } {
  return line === undefined ? {} : { line }
}
