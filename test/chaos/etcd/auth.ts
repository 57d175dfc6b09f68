import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Random } from '../random.ts'
import type { Fault } from '../stage.ts'
import { type Ground, last, PREFIX, type World } from './ground.ts'
import { createLineFaults } from './line-faults.ts'
import { createSeatFault } from './seat-faults.ts'
import { openSingle } from './single.ts'

const run = promisify(execFile)

/** Seconds that a token lives. */
const TOKEN = 2
/** What the role of the controllers may change: everything below the prefix. */
const RANGE = [`${PREFIX}/`, `${PREFIX}0`]

/**
 * One etcd that wants to know who asks: with tokens that soon expire, simple ones or JWT; half of the time
 * over TLS with client certificates.
 */
export async function openAuth(binary: string | undefined, random: Random): Promise<Ground> {
  const jwt = random.chance(0.5)
  const tls = random.chance(0.5)
  const folder = await mkdtemp(join(tmpdir(), 'kytos-tokens-'))
  const token = jwt ? await makeJwtFlag(folder) : `--auth-token-ttl=${TOKEN}`
  const name = `one etcd, auth by ${jwt ? 'JWT' : 'simple tokens'}${tls ? ' over TLS' : ''}`
  const auth = { username: 'kytos', password: 'chaos', prefix: PREFIX }
  const options = { auth, args: [token], ...(tls && { tls: { clients: true } }), ...(binary && { binary }) }
  const ground = await openSingle(name, options, world => [
    ...createLineFaults(world, 'cuts'),
    createSeatFault(world, 'removed'),
    ...createAuthFaults(world),
  ])
  return {
    ...ground,
    heal: async () => {
      await ground.heal()
      await ground.etcdctl.run(['role', 'grant-permission', 'settings', 'readwrite', ...RANGE])
    },
    stop: async () => {
      await ground.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function makeJwtFlag(folder: string): Promise<string> {
  const [secret, open] = [join(folder, 'key.pem'), join(folder, 'public.pem')]
  await run('openssl', ['genrsa', '-out', secret, '2048'])
  await run('openssl', ['rsa', '-in', secret, '-pubout', '-out', open])
  return `--auth-token=jwt,pub-key=${open},priv-key=${secret},sign-method=RS256,ttl=${TOKEN}s`
}

function createAuthFaults({ lines, etcdctl, alone }: World): readonly Fault[] {
  return [
    {
      name: 'permission taken away',
      weight: 3,
      strike: random =>
        alone(async () => {
          await etcdctl.run(['role', 'revoke-permission', 'settings', ...RANGE])
          try {
            // Who only listens does not notice; who has to come back does.
            if (random.chance(0.5)) for (const line of lines) line.each(proxy => proxy.cut())
            await last(random, 1_000, 3_000)
          } finally {
            await etcdctl.run(['role', 'grant-permission', 'settings', 'readwrite', ...RANGE])
          }
        }),
    },
    {
      name: 'cut as tokens expire',
      weight: 3,
      strike: async random => {
        for (const line of lines) line.each(proxy => proxy.cut())
        // The tokens of now are the ones with which it begins; a little before or after their end it begins
        // again.
        await last(random, TOKEN * 1_000 - 300, TOKEN * 1_000 + 500)
        for (const line of lines) line.each(proxy => proxy.cut())
      },
    },
    {
      name: 'roles change',
      weight: 3,
      strike: random =>
        alone(async () => {
          // It makes the revision of the auth store another one, which tokens of JWT name.
          const role = `other-${random.between(0, 1_000_000)}`
          await etcdctl.run(['role', 'add', role])
          await last(random, 100, 1_000)
          await etcdctl.run(['role', 'delete', role])
        }),
    },
  ]
}
