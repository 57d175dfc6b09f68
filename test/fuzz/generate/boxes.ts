import type { Random } from '../../chaos/random.ts'
import { type Act, BOX_CPU_MS, jsonOf, list, named, type Scenario, STOREHOUSE, size } from '../act.ts'
import { hostileNumber, hostileText, hostileValue } from './texts.ts'

const BOX_CHARACTERS = 16_700_000

/** The text of a box up to a little more than its limit. */
function boxText(random: Random): string {
  return random.pick<() => string>([
    () => `"${'x'.repeat(size(random, BOX_CHARACTERS))}"`,
    () => `"${'\\u0000'.repeat(size(random, BOX_CHARACTERS / 6))}"`,
    () => `"${'\\ud83d\\ude00'.repeat(size(random, BOX_CHARACTERS / 12))}"`,
    () => `"${'é'.repeat(size(random, BOX_CHARACTERS / 2))}"`,
    () => `[${list(99_998, () => `"${'y'.repeat(random.between(1, 160))}"`).join(',')}]`,
    () => `[${list(size(random, 340), () => '7'.repeat(4_300)).join(',')}]`,
    () => jsonOf(named(49_999, i => 'v'.repeat(i % 300))),
    () => jsonOf(named(size(random, 50_000), i => i, 'n'.repeat(size(random, 250)))),
    () => `${'['.repeat(127)}"${'z'.repeat(size(random, BOX_CHARACTERS))}"${']'.repeat(127)}`,
    () => `[${list(99_990, () => '0.1234567890123456789e-5').join(',')}]`,
    () => `[1${' '.repeat(size(random, BOX_CHARACTERS))}]`,
    () => jsonOf(hostileValue(random, 95_000)),
    () => jsonOf(list(size(random, 3_000), () => hostileText(random, 5_000).toWellFormed())),
    () => jsonOf(hostileNumber(random)),
  ])()
}

const BOX: Scenario = {
  name: 'boxes',
  make: (random, id) => {
    const space = `${STOREHOUSE}/v1/fuzz${id}`
    const act = (
      name: string,
      method: string,
      path: string,
      body?: string,
      role: Act['role'] = 'writer',
    ): Act => ({
      name,
      role,
      method,
      path,
      limit: BOX_CPU_MS,
      ...(body === undefined ? {} : { body }),
    })
    return [
      act('POST box', 'POST', `${STOREHOUSE}/v2/fuzz${id}/a`, boxText(random)),
      act('GET box', 'GET', `${space}/a`, undefined, 'reader'),
      act('PUT box', 'PUT', `${space}/a`, boxText(random)),
      act('PATCH box', 'PATCH', `${space}/a`, boxText(random)),
      act(
        'PATCH box with a text',
        'PATCH',
        `${space}/a`,
        jsonOf({ a: hostileText(random, 1_000_000).toWellFormed() }),
      ),
      act('GET box', 'GET', `${space}/a`, undefined, 'reader'),
      act('GET boxes', 'GET', space, undefined, 'reader'),
      act(
        'GET search',
        'GET',
        `${space}/search_by/${random.pick(['box_id/a', 'owner/x', 'created_at/2024'])}`,
        undefined,
        'reader',
      ),
      act('GET backup', 'GET', `${STOREHOUSE}/v1/backup/fuzz${id}/a`, undefined, 'reader'),
      act('DELETE box', 'DELETE', `${space}/a`),
    ]
  },
}

export const BOX_SCENARIOS: readonly Scenario[] = [BOX, BOX, BOX]
