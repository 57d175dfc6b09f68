import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseJson } from '../../model/json.ts'
import { type CliStage, openCliStage, type Terminal } from './cli-stage.ts'

/*
 * `set NAPP KEY` in a real terminal: a secret is asked for, and is never shown.
 */

const NAPP = 'acme/vault'
const CANARY = 'canary'
const SECRET = { type: 'string', 'x-sensitive': true }
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'none' },
    password: SECRET,
    pin: { type: 'integer', 'x-sensitive': true },
    peer: { type: 'object', properties: { key: SECRET } },
  },
}

let stage: CliStage
let auditor: string

beforeAll(async () => {
  stage = await openCliStage('filesystem')
  await stage.start()
  const put = await fetch(`${stage.url}/api/kytos/settings/v1/${NAPP}/schema`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(SCHEMA),
  })
  expect(put.status).toBe(200)
  auditor = (await stage.run(['token', 'create', 'auditor', '--rights', 'read,secrets'])).stdout.trim()
})
afterAll(() => stage.close())

async function secrets(): Promise<unknown> {
  const response = await fetch(`${stage.url}/api/kytos/settings/v1/${NAPP}`, {
    headers: { authorization: `Bearer ${auditor}` },
  })
  return (parseJson(await response.text()) as { overrides: unknown }).overrides
}

/** The exit code of a command in a terminal, which has shown no secret. */
async function endOf(terminal: Terminal): Promise<number> {
  const exit = await terminal.ended
  expect(terminal.shown()).not.toContain(CANARY)
  return exit
}

it('asks twice for each secret, without showing it, and for nothing else', async () => {
  const terminal = stage.terminal(['set', NAPP, 'name=x', 'password', 'peer.key'])
  await terminal.shows(/acme\/vault password \(not shown\): /)
  // As typed with an arrow key, a wrong first try, and a wrong letter of two bytes.
  terminal.type(`wrong\x15${CANARY}\x1b[D éé\x7f\r`)
  await terminal.shows(/password again: /)
  // Pasted early, with the answers of the next secret.
  terminal.type(`${CANARY} é\r${CANARY}-2\r${CANARY}-2\r`)
  expect(await endOf(terminal), terminal.shown()).toBe(0)
  expect(await secrets()).toEqual({ name: 'x', password: `${CANARY} é`, peer: { key: `${CANARY}-2` } })
})

it('returns the terminal with its echo, and stores nothing after Ctrl-C, an empty or a different value', async () => {
  const before = await secrets()
  const script = join(stage.cwd, 'asks')
  const lines = [
    `trap : INT`,
    `for n in 1 2 3 4; do kytos-settings set ${NAPP} password; echo "exit $?"; done`,
    `stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e icanon -e isig | sort | tr '\\n' ' '; echo shown`,
  ]
  await writeFile(script, `${lines.join('\n')}\n`)
  const terminal = stage.terminal([script], {}, '/bin/sh')
  for (const [keys, again, reason] of [
    [`${CANARY}\x03`, undefined, /Interrupted: nothing was stored\.\s+exit 130/],
    [`\x04`, undefined, /exit 130/],
    ['\r', undefined, /Nothing was typed for password, and nothing was stored\..*unset[\s\S]*exit 2/],
    [`${CANARY}-new\r`, `${CANARY}-now\r`, /two values of password differ[\s\S]*exit 2/],
  ] as const) {
    await terminal.shows(/\(not shown\): /)
    terminal.type(keys)
    if (again !== undefined) {
      await terminal.shows(/again: /)
      terminal.type(again)
    }
    await terminal.shows(reason)
  }
  await terminal.shows(/echo icanon isig shown/)
  expect(await endOf(terminal)).toBe(0)
  expect(await secrets()).toEqual(before)
})

it('refuses a secret among the words, a KEY that is no secret, and a question without a terminal', async () => {
  const before = await secrets()
  const typed = await stage.run(['set', NAPP, `password=${CANARY}`])
  expect(typed).toMatchObject({ exit: 2, stderr: expect.stringContaining('Use password alone') })
  expect(await stage.run(['set', NAPP, 'name'])).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining('use name=VALUE'),
  })
  expect(await stage.run(['set', NAPP, 'password'])).toMatchObject({
    exit: 2,
    stderr: expect.stringMatching(/on a terminal only\. Use password=@FILE, or password=@-/),
  })
  await writeFile(join(stage.cwd, 'given'), `${CANARY}-pin`)
  const malformed = await stage.run(['set', NAPP, 'pin=@given'])
  expect(malformed.exit).toBe(4)
  const terminal = stage.terminal(['set', NAPP, 'pin'])
  await terminal.shows(/pin \(not shown\): /)
  terminal.type(`${CANARY}\r${CANARY}\r`)
  expect(await endOf(terminal)).toBe(4)
  expect(`${typed.stderr}${malformed.stdout}${malformed.stderr}`).not.toContain(CANARY)
  expect(await secrets()).toEqual(before)
})

it('asks for a secret before a countdown, whose terminal is still there', async () => {
  const terminal = stage.terminal(['set', NAPP, 'password', '--confirm-within', '5m'])
  await terminal.shows(/not shown/)
  terminal.type(`${CANARY}-3\r`)
  await terminal.shows(/again: /)
  terminal.type(`${CANARY}-3\r`)
  await terminal.shows(/Confirm\? /)
  terminal.type('\r')
  expect(await endOf(terminal), terminal.shown()).toBe(0)
  expect(await secrets()).toMatchObject({ password: `${CANARY}-3` })
})
