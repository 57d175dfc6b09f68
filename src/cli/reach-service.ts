import { join } from 'node:path'
import { SettingsError } from '../../model/errors.ts'
import { findConfig, loadConfig } from '../boot/config.ts'
import type { RemoteBus } from '../client/remote-bus.ts'
import { readLocalService } from '../local-door.ts'
import type { World } from './world.ts'

/** Milliseconds that the service of this host may take to let somebody in. */
const PATIENCE = 5_000

/** Speaks on the bus of this host's service while `work` lasts. @throws SettingsError SERVICE_ABSENT when none runs. */
export async function withService<Result>(config: string | undefined, world: World, work: (bus: RemoteBus) => Promise<Result>): Promise<Result> {
  const { file, settings } = await loadConfig(findConfig(config, world.cwd))
  const service = await readLocalService(join(settings.state_dir, settings.controller))
  if (!service)
    throw new SettingsError('SERVICE_ABSENT', `No service runs with ${file}: start it with "kytos-settings start -c ${file}", as the same user.`)
  // Only when it is needed: every command loads this file.
  const { openRemoteBus } = await import('../client/remote-bus.ts')
  const bus = await openRemoteBus(service.url, { token: service.token, timeout: PATIENCE })
  try {
    return await work(bus)
  } finally {
    await bus.close()
  }
}
