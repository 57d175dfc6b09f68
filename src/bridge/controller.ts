import { parseJson } from '../../model/json.ts'
import { isObject, type JsonObject } from '../../model/value.ts'

const REQUEST_TIMEOUT_MS = 5_000

/** The bridge in the running kytosd. */
export interface RunningBridge {
  /** `running`; `absent` in a kytosd without the NApp; `stopped` if no kytosd answers. */
  readonly kytosd: 'running' | 'absent' | 'stopped'
  /** True if the import hook is in place. */
  readonly hook?: boolean
  /** True while facts arrive from the service. */
  readonly connected?: boolean
  /** Where the overrides were read at the start: `service`, `cache` or `none`. */
  readonly source?: string
}

/** Asks the NApp kytos/settings of a kytosd. Never throws. */
export async function askController(url: string): Promise<RunningBridge> {
  try {
    const response = await fetch(`${url}/api/kytos/settings/v1/bridge`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    const answer = response.ok ? parseAnswer(await response.text()) : undefined
    if (answer === undefined) return { kytosd: 'absent' }
    return {
      kytosd: 'running',
      hook: answer.hook === true,
      connected: answer.connected === true,
      source: String(answer.source),
    }
  } catch {
    return { kytosd: 'stopped' }
  }
}

function parseAnswer(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text)
    return isObject(value) && 'hook' in value ? value : undefined
  } catch {
    return undefined
  }
}
