import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { printJson } from '../../../model/json.ts'
import { isArray, isObject, type Json, type JsonObject, toJson } from '../../../model/value.ts'
import { findConfig, loadConfig } from '../../boot/config.ts'
import type { TokenStore } from '../../tokens/token-store.ts'
import { printTokens } from '../print/token-table.ts'
import { askService } from '../service/local-service.ts'
import type { CliContext } from '../terminal/cli-context.ts'
import { printMessage } from '../terminal/print-error.ts'
import { createTerminal } from '../terminal/terminal.ts'

interface TokenOptions {
  readonly config?: string
  readonly json?: boolean
  readonly rights?: string
  readonly expires?: number | null
  readonly namespaces?: readonly string[]
  readonly boxes?: readonly string[]
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
/** The request to the service, and the operation on the store without a service. */
interface TokenOperation {
  readonly request: readonly [method: string, path: string, body?: JsonObject]
  readonly offline: (store: TokenStore) => Promise<Json>
}

const EXAMPLES = `
Examples:
  kytos-settings token create grafana
  kytos-settings token create ci --rights write --expires 12h
  kytos-settings token create alice --rights admin
  kytos-settings token create lab --rights write --namespaces 'lab/*,kytos/of_lldp' --boxes 'lab.*'
  kytos-settings token list
  kytos-settings token revoke 5f1d0c9a7b3e2468

A token is printed once, at its creation; the store holds only its hash.
Rights: read; write (includes read); admin (includes both); secrets (no other right includes it).
A token with --namespaces sees only these, and no boxes without --boxes; "*" matches any characters.
Run it as the user of the service. If no service is running, the command opens the store directly.`

/**
 * Adds `token create|list|revoke`, which call the service of this host, or open the store if no service is
 * running.
 */
export function addTokenCommand(program: Command, context: CliContext): void {
  const token = program
    .command('token')
    .description('create, list and revoke API tokens')
    .addHelpText('after', EXAMPLES)
  token
    .command('create')
    .description('create a token and print it once')
    .argument('<name>', 'name of the client, recorded in the history of its changes')
    .option(
      '--rights <list>',
      'rights of the token: read, write, admin, secrets, separated by commas',
      'read',
    )
    .option('--expires <time>', 'lifetime, such as 90s, 30m, 12h or 30d; default: unlimited', parseLifetime)
    .option('--namespaces <list>', "limit to these namespaces, such as 'kytos/*,acme/x'", splitList)
    .option('--boxes <list>', "with --namespaces: also these boxes, such as 'kytos.*'", splitList)
    .option('-j, --json', 'print JSON')
    .action(async (name: string, _options, command: Command) => {
      const {
        rights = 'read',
        expires = null,
        json = false,
        namespaces,
        boxes,
      } = command.optsWithGlobals<TokenOptions>()
      const fields = {
        name,
        rights: splitList(rights),
        expires_in: expires,
        ...(namespaces && { namespaces }),
        ...(boxes && { boxes }),
      }
      const created = await execute(command, context, {
        request: ['POST', '/token', fields],
        offline: async store =>
          toJson(
            (await store.create(fields, { type: 'user', name: userInfo().username, by: 'local' })).created,
          ),
      })
      // The token is alone on stdout, so that a script can read it.
      if (!json) context.stderr.write(`${describeNew(created)}\n`)
      context.stdout.write(`${json ? printJson(created, 2) : isObject(created) && created.token}\n`)
    })
  token
    .command('list')
    .description('list the tokens, without their secrets')
    .option('-j, --json', 'print JSON')
    .action(async (_options, command: Command) => {
      const tokens = await execute(command, context, {
        request: ['GET', '/token'],
        offline: async store => toJson(await store.list()),
      })
      const rows = isArray(tokens) ? tokens.filter(isObject) : []
      context.stdout.write(
        command.optsWithGlobals<TokenOptions>().json
          ? `${printJson(tokens, 2)}\n`
          : printTokens(rows, createTerminal(context.stdout, context.env)),
      )
    })
  token
    .command('revoke')
    .description('revoke a token at once and permanently')
    .argument('<id>', 'id from "kytos-settings token list"')
    .action(async (id: string, _options, command: Command) => {
      await execute(command, context, {
        request: ['DELETE', `/token?id=${encodeURIComponent(id)}`],
        offline: async store => String(await store.revoke(id)),
      })
      context.stdout.write(`The token ${id} is revoked.\n`)
    })
}

/**
 * Calls the service of this host, which then knows the change at once; without a service, opens the store.
 */
async function execute(
  command: Command,
  context: CliContext,
  { request, offline }: TokenOperation,
): Promise<Json> {
  const named = command.optsWithGlobals<TokenOptions>().config
  const config = await loadConfig(findConfig(named, context), { isNamed: named !== undefined })
  const answered = await askService(join(config.settings.state_dir, config.settings.controller), ...request)
  if (answered) return answered.answer
  // Loaded on demand, because the clients of the stores load slowly.
  const { withTokenStore } = await import('../../app/open-token-store.ts')
  return withTokenStore(config, warning => printMessage(context.stderr, warning), offline)
}

function splitList(text: string): readonly string[] {
  return text.split(',').map(one => one.trim())
}

function parseLifetime(text: string): number | null {
  if (text === 'never') return null
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (SECONDS[unit] ?? 0)
  if (seconds > 0) return seconds
  throw new InvalidArgumentError('Use a lifetime such as 90s, 30m, 12h or 30d, or never.')
}

function describeNew(made: Json): string {
  const { name, id, rights, expires_at, namespaces, boxes } = isObject(made) ? made : {}
  const end = expires_at === null ? 'never expires' : `expires at ${expires_at}`
  const limits = isArray(namespaces)
    ? `; namespaces: ${namespaces.join(', ')}; boxes: ${(isArray(boxes) && boxes.join(', ')) || 'none'}`
    : ''
  return `Created the token ${name} (id ${id}; rights: ${isArray(rights) ? rights.join(', ') : 'none'}; ${end}${limits}). It is printed only once:`
}
