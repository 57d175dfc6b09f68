import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { PYTHON } from '../../scripts/prepare.mjs'
import { packageRoot } from '../../src/host/package-root.ts'
import { freshFolder, kytosSettings } from './host-process.ts'

/*
 * Requests made from the OpenAPI document by schemathesis, valid and invalid ones, to the real process on a
 * real folder. It must never answer with a 5xx, or with a status, type, header or body outside the document. It
 * must never accept a request that the document forbids.
 */

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
]

it('for any request generated from its OpenAPI document, the service answers according to the document', async () => {
  const cwd = await freshFolder()
  const file = join(cwd, 'kytos.ini')
  await writeFile(
    file,
    (await readFile(file, 'utf8')).replace(
      '[settings]\n',
      '[settings]\ncontroller = c1\nauthentication = required\n',
    ),
  )
  const service = kytosSettings(cwd, 'start')
  const url = await service.ready
  const { token } = JSON.parse(await readFile(join(cwd, 'state/c1/service.json'), 'utf8'))
  // Of which only this is looked at here.
  type Document = { readonly paths: Record<string, Record<string, { security?: unknown }>> }
  const document = (await (await fetch(`${url}/api/kytos/settings/openapi.json`)).json()) as Document
  // They do not end, or are no HTTP from there on.
  for (const endless of ['events', 'bus']) delete document.paths[`/api/kytos/settings/v1/${endless}`]
  // With these members it would invent tokens, and test only authentication.
  for (const operation of Object.values(document.paths).flatMap(methods => Object.values(methods)))
    delete operation.security
  await writeFile(join(cwd, 'openapi.json'), JSON.stringify(document))

  const args = [
    'run',
    'openapi.json',
    '--url',
    url,
    '--header',
    `Authorization: Bearer ${token}`,
    '--checks',
    CHECKS.join(','),
  ]
  // One thread: CPython 3.11 counts the recursion of ast.parse for all threads together, and fails
  // (python/cpython#106905).
  const bounds = [
    '--seed',
    '1',
    '--max-examples',
    '10',
    '--phases',
    'coverage,fuzzing',
    '--workers',
    '1',
    '--no-color',
    '--continue-on-failure',
  ]
  const config = ['--config-file', join(packageRoot(), 'test/python/schemathesis.toml')]
  const run = promisify(execFile)(PYTHON, ['-m', 'schemathesis.cli', ...config, ...args, ...bounds], {
    cwd,
    maxBuffer: 2 ** 26,
  })
  const report = await run.then(
    ({ stdout }) => stdout,
    ({ stdout, stderr, message }) => expect.fail(`${stdout || message}\n${stderr}`),
  )
  expect(report).toMatch(/Tested: 47/)
  expect(Number(/(\d+) generated/.exec(report)?.[1])).toBeGreaterThan(1_000)
  expect(service.output()).not.toContain('failed:')
  service.child.kill('SIGTERM')
  expect(await service.ended).toBe(0)
}, 120_000)
