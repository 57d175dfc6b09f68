import { readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SETTINGS_NAPP } from '../client/manifest.ts'
import { discover, exists, INSTALLED, isDangling } from './discover.ts'
import { packageRoot } from './package-root.ts'
import { enable, linkInstalled } from './tree.ts'

/** A NApp that ships with this package, and its folder. */
export interface ShippedNApp {
  readonly id: string
  readonly folder: string
}

/** The shipped NApps: `kytos/settings`, which is the package itself, and the example NApps below `napps`. */
export async function shippedNApps(root = packageRoot()): Promise<readonly ShippedNApp[]> {
  const { napps } = await discover(join(root, 'napps'))
  return [{ id: SETTINGS_NAPP, folder: root }, ...napps.map(({ id, folder }) => ({ id, folder }))]
}

/**
 * Installs and enables the shipped NApps of `wanted` that are not installed yet; an installed NApp that is
 * disabled stays disabled. A dangling link to a shipped NApp is replaced. Returns one sentence for each event
 * that the operator should know.
 */
export async function linkShipped(
  root: string,
  wanted: readonly string[],
  shipped: readonly ShippedNApp[],
): Promise<readonly string[]> {
  const warnings: string[] = []
  for (const { id, folder } of shipped) {
    const link = join(root, INSTALLED, id)
    if (await isDangling(link)) {
      warnings.push(`Relinked ${link} to ${folder}: its target ${await readlink(link)} no longer exists.`)
      await linkInstalled(root, id, folder)
    } else if (!(await exists(link))) {
      if (!wanted.includes(id) || ((await exists(join(root, id))) && !(await isDangling(join(root, id)))))
        continue
      await linkInstalled(root, id, folder)
      await enable(root, id)
    } else if (id === SETTINGS_NAPP && !(await isSame(link, folder))) {
      const target = await readlink(link).catch(() => link)
      warnings.push(
        `${id} runs from ${target}, not from this package (${folder}). Remove ${link} to use the package.`,
      )
    }
  }
  for (const id of wanted) {
    if (shipped.some(napp => napp.id === id) || (await isInstalled(root, id))) continue
    warnings.push(
      `napps_pre_installed lists ${id}, which is neither shipped with this package nor installed. ` +
        'Install it or remove it from the list.',
    )
  }
  return warnings
}

async function isInstalled(root: string, id: string): Promise<boolean> {
  for (const path of [join(root, id), join(root, INSTALLED, id)]) {
    if (await exists(path)) return true
  }
  return false
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(a), stat(b)])
  return first.ino === second.ino && first.dev === second.dev
}
