import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { hasCode } from '../../model/failure.ts'
import { placeIn } from './failure-place.ts'

const PARSE_TIMEOUT_MS = 10_000
const MAX_MODULES = 500

/**
 * Parses a module and the modules that it imports by a relative path, and runs none of them. The second
 * argument is the message of a syntax error. The first module with that error ends the process with Node's
 * report of an uncaught error. It starts with file and line, which the error object does not contain.
 */
const PARSE = `
const { readFileSync } = require('node:fs')
const { fileURLToPath, pathToFileURL } = require('node:url')
const { SourceTextModule } = require('node:vm')
const [, main, message] = process.argv
const files = new Set([main])
const importsOf = file => {
  try {
    const parsed = new SourceTextModule(readFileSync(file, 'utf8'), { identifier: file })
    return parsed.moduleRequests?.map(one => one.specifier) ?? parsed.dependencySpecifiers
  } catch (error) {
    if (error.message === message) throw error
    return []
  }
}
for (const file of files) {
  const modules = importsOf(file).filter(name => /^[.]{1,2}[/].*[.]m?[jt]s$/.test(name))
  for (const name of modules)
    if (files.size < ${MAX_MODULES}) files.add(fileURLToPath(new URL(name, pathToFileURL(file))))
}`

/**
 * The `FILE:LINE[:COLUMN]` of an error that ended the import of a module, inside its folder; undefined if
 * unknown. Runs no code of the module. Never throws.
 */
export async function loadPlace(folder: string, main: string, error: unknown): Promise<string | undefined> {
  const place = placeIn(folder, error)
  if (place !== undefined) return place
  if (error instanceof SyntaxError) return syntaxPlace(main, error.message)
  return hasCode(error, 'ERR_MODULE_NOT_FOUND') ? importPlace(error) : undefined
}

/** The first syntax error in a module and the modules it imports. */
function syntaxPlace(main: string, message: string): Promise<string | undefined> {
  const args = ['--experimental-vm-modules', '--no-warnings', '-e', PARSE, main, message]
  return new Promise(resolve => {
    execFile(process.execPath, args, { timeout: PARSE_TIMEOUT_MS }, (_error, _stdout, stderr) => {
      const [, file, line, caret] = /^(\/.*):(\d+)\n.*\n( *)\^/.exec(stderr) ?? []
      resolve(file && `${file}:${line}:${(caret ?? '').length + 1}`)
    })
  })
}

/** The line of the import whose module or package was not found, from the file that the error names. */
async function importPlace(error: unknown): Promise<string | undefined> {
  const message = error instanceof Error ? error.message : ''
  const [, wanted = '', importer = ''] = /'(.+)' imported from (.+)$/.exec(message) ?? []
  const file = importer.startsWith('file:') ? fileURLToPath(importer) : importer
  const lines = await readFile(file, 'utf8').then(
    text => text.split('\n'),
    () => [],
  )
  const last = wanted.slice(wanted.lastIndexOf('/') + 1)
  const index = lines.findIndex(line => /['"]/.test(line) && line.includes(last))
  return index === -1 ? undefined : `${file}:${index + 1}`
}
