import { dirname, join } from 'node:path'
import { toSettingsError } from '../../model/errors.ts'
import { shellWord } from '../../model/quote.ts'
import type { Config } from '../boot/config.ts'
import { readBridgeFile } from '../bridge/bridge-file.ts'
import { askController } from '../bridge/controller.ts'
import { readKytosd } from '../bridge/kytosd.ts'
import { type Examination, warning } from './finding.ts'

/**
 * Examines whether the kytosd whose kytos.conf is beside the configuration runs with the bridge that is
 * installed for it. Nothing is examined without an installation; a kytosd that is stopped is no finding.
 */
export async function examineBridge({ file }: Config): Promise<readonly Examination[]> {
  const conf = join(dirname(file), 'kytos.conf')
  const part = 'the bridge to kytosd'
  try {
    if ((await readBridgeFile(conf)) === undefined) return []
    const { url } = await readKytosd(conf)
    const { kytosd, hook } = await askController(url)
    if (kytosd === 'stopped' || hook === true) return [{ part, findings: [] }]
    const what = `The kytosd at this address runs without the bridge that is installed for ${conf}.`
    const repair = `kytos-settings bridge install ${shellWord(conf)}   # then restart kytosd`
    return [{ part, findings: [warning('bridge.inactive', url, what, repair)] }]
  } catch (error) {
    return [{ part, findings: [], unknown: [`the bridge to kytosd: ${toSettingsError(error).message}`] }]
  }
}
