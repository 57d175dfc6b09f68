import { createHash, randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { hasCode } from '../../model/failure.ts'
import { packageRoot } from '../host/package-root.ts'

const NAME = 'kytos_settings'
const START_FILE = `${NAME}.pth`
/** The content of the file INSTALLER: only a package with it is replaced and removed. */
const INSTALLER = 'kytos-settings'

/** The Python package in a folder of packages. */
export interface InstalledPackage {
  readonly version: string
  /** True for a copy of this command; another one is pip's. */
  readonly isOwn: boolean
}

/** The installed package, or undefined. */
export async function findPackage(packages: string): Promise<InstalledPackage | undefined> {
  const info = await findInfo(packages)
  if (info === undefined) return undefined
  const installer = await readFile(join(info, 'INSTALLER'), 'utf8').catch(() => 'pip')
  return {
    version: basename(info)
      .slice(`${NAME}-`.length)
      .replace(/\..{3,4}-info$/, ''),
    isOwn: installer.trim() === INSTALLER,
  }
}

/**
 * Copies the package and its start file, without pip and without a network. Writes the metadata of a Python
 * package too, so that pip lists it. The start file is written last, and a program that starts in between runs
 * without the bridge.
 */
export async function copyPackage(packages: string): Promise<void> {
  const source = join(packageRoot(), 'bridge')
  const version = await readVersion(source)
  await removePackage(packages)
  const aside = join(packages, `.${NAME}-${randomUUID()}`)
  try {
    await cp(join(source, NAME), aside, {
      recursive: true,
      filter: path => basename(path) !== '__pycache__',
    })
    await rename(aside, join(packages, NAME))
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  const info = `${NAME}-${version}.dist-info`
  await mkdir(join(packages, info))
  await writeFile(
    join(packages, info, 'METADATA'),
    `Metadata-Version: 2.1\nName: kytos-settings\nVersion: ${version}\n`,
  )
  await writeFile(join(packages, info, 'INSTALLER'), `${INSTALLER}\n`)
  await cp(join(source, START_FILE), join(packages, START_FILE))
  const files = [...(await filesIn(packages, NAME)), ...(await filesIn(packages, info)), START_FILE]
  const lines = await Promise.all(files.sort().map(file => recordLine(packages, file)))
  await writeFile(join(packages, info, 'RECORD'), `${lines.join('')}${info}/RECORD,,\n`)
}

/** Removes the package, its start file first; false if none of this command was installed. */
export async function removePackage(packages: string): Promise<boolean> {
  const found = await findPackage(packages)
  if (!found?.isOwn) return false
  await rm(join(packages, START_FILE), { force: true })
  await rm(join(packages, NAME), { recursive: true, force: true })
  await rm(join(packages, `${NAME}-${found.version}.dist-info`), { recursive: true, force: true })
  return true
}

async function findInfo(packages: string): Promise<string | undefined> {
  const names = await readdir(packages).catch(error => {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  })
  const name = names.find(one => one.startsWith(`${NAME}-`) && /\.(dist|egg)-info$/.test(one))
  return name === undefined ? undefined : join(packages, name)
}

async function readVersion(source: string): Promise<string> {
  const text = await readFile(join(source, NAME, '__init__.py'), 'utf8')
  return /^__version__ = "([^"]+)"$/m.exec(text)?.[1] ?? '0'
}

async function filesIn(packages: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(packages, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(packages, join(entry.parentPath, entry.name)))
}

/** A line of RECORD: path, hash and size. */
async function recordLine(packages: string, file: string): Promise<string> {
  const content = await readFile(join(packages, file))
  return `${file},sha256=${createHash('sha256').update(content).digest('base64url')},${content.length}\n`
}
