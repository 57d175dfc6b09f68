import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../boot/config.ts'
import { kytosSettings, thisUser } from './commands.ts'
import { broken, type Finding } from './finding.ts'

/*
 * The doctor may run as a user that is not the user of the service. A place that this user may not use is then
 * no fault. A repair in favour of this user would take the place away from the service.
 *
 * Invariant: a repair changes the owner of a place only for the user of the service, or for its owner. The
 * user of the service is the owner of the folder of its state.
 */

/** A place that this user may not use, and the user to which it belongs. */
export interface OtherOwner {
  readonly path: string
  readonly uid: number
}

/**
 * The nearest visible place of a path that this user may not use, if it belongs to another user. It is
 * undefined when this user may use the path, or when a repair in favour of this user is right.
 */
export async function findOtherOwner(
  config: Config,
  path: string,
  mode = constants.R_OK,
): Promise<OtherOwner | undefined> {
  const me = process.getuid?.()
  if (me === undefined || (await errorCodeOf(access(path, mode))) !== 'EACCES') return undefined
  const place = await nearestVisible(path)
  const { uid } = await stat(place)
  return uid === me || (await isServiceUser(config, me)) ? undefined : { path: place, uid }
}

/** The finding about a place of another user. */
export function otherUser(config: Config, { path, uid }: OtherOwner): Finding {
  const what = `User ${thisUser()} may not look into it: it belongs to user ${uid}.`
  return broken('user.other', path, what, asOwner(config, uid))
}

/** The command that runs the doctor as the owner of a place. */
export function asOwner(config: Config, uid: number): string {
  return `sudo -u "#${uid}" ${kytosSettings(config, 'doctor')}   # as the user of the service`
}

/** True when the folder of the service's state belongs to this user. */
async function isServiceUser({ settings }: Config, me: number): Promise<boolean> {
  return stat(join(settings.state_dir, settings.controller)).then(
    ({ uid }) => uid === me,
    () => false,
  )
}

/** The path, or the nearest folder above it that this user may see. */
async function nearestVisible(path: string): Promise<string> {
  const code = await errorCodeOf(stat(path))
  return code === undefined || dirname(path) === path ? path : nearestVisible(dirname(path))
}

async function errorCodeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  )
}
