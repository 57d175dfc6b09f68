import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EtcdConfig } from '../../../src/boot/config.ts'
import { loadEtcdSecrets } from '../../../src/boot/etcd-secrets.ts'

const BASE: EtcdConfig = { endpoints: ['https://127.0.0.1:2379'], prefix: '/kytos', timeout: 5 }
let folder = ''
const path = (name: string): string => join(folder, name)

/** A fresh key and its certificate, `<name>.key` and `<name>.pem`. */
function createCertificate(name: string): void {
  const kind = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    `/CN=${name}`,
    '-days',
    '1',
  ]
  try {
    execFileSync('openssl', ['req', ...kind, '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)], {
      stdio: 'ignore',
    })
  } catch (cause) {
    throw new Error(
      'This test makes certificates with openssl, which did not run: install it (apt-get install openssl).',
      { cause },
    )
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-secrets-'))
  createCertificate('one')
  createCertificate('two')
})
afterAll(() => rm(folder, { recursive: true }))

async function put(name: string, text: string, mode = 0o600): Promise<string> {
  await writeFile(path(name), text)
  await chmod(path(name), mode)
  return path(name)
}

test('no file named is nothing to read', async () => {
  expect(await loadEtcdSecrets(BASE)).toEqual({ warnings: [] })
})

test('a password loses only the newline at its end', async () => {
  for (const [text, password] of [
    ['secret\n', 'secret'],
    [' a b \r\n', ' a b '],
    ['x\n\n', 'x\n'],
    ['pä%', 'pä%'],
  ] as const) {
    expect(await loadEtcdSecrets({ ...BASE, password_file: await put('password', text) })).toEqual({
      password,
      warnings: [],
    })
  }
})

test('a secret that all users can read is used, with a warning', async () => {
  const password_file = await put('open', 'secret', 0o644)
  await chmod(path('one.key'), 0o604)
  const { warnings } = await loadEtcdSecrets({
    ...BASE,
    password_file,
    cert: path('one.pem'),
    key: path('one.key'),
  })
  expect(warnings).toEqual([
    `[settings.etcd] password_file ${password_file} is readable by all users of this host. Run: chmod 600 ${password_file}`,
    `[settings.etcd] key ${path('one.key')} is readable by all users of this host. Run: chmod 600 ${path('one.key')}`,
  ])
})

test('certificates and their key come as they are', async () => {
  await chmod(path('one.key'), 0o600)
  const secrets = await loadEtcdSecrets({
    ...BASE,
    ca: path('two.pem'),
    cert: path('one.pem'),
    key: path('one.key'),
  })
  expect([secrets.ca, secrets.cert, secrets.key].map(bytes => bytes?.toString().slice(0, 15))).toEqual([
    '-----BEGIN CERT',
    '-----BEGIN CERT',
    '-----BEGIN PRIV',
  ])
  expect(secrets.warnings).toEqual([])
})

test('all problems of the files are reported at once, without any of their content', async () => {
  const damaged = await put('damaged.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const loading = loadEtcdSecrets({
    ...BASE,
    password_file: await put('empty', '\n'),
    ca: damaged,
    cert: path('none.pem'),
    key: folder,
  })
  await expect(loading).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: [
      'etcd credentials: 4 problems:',
      `[settings.etcd] cert ${path('none.pem')} does not exist.`,
      `[settings.etcd] key ${folder} is a folder.`,
      `[settings.etcd] password_file ${path('empty')} is empty. Write the password into its first line.`,
      `[settings.etcd] ca ${damaged} is damaged: its certificate 1 of 1 cannot be read.`,
    ].join('\n  etcd credentials: '),
  })
  await expect(loadEtcdSecrets({ ...BASE, ca: await put('text', 'hello') })).rejects.toThrow(
    'contains no certificate',
  )
  await expect(
    loadEtcdSecrets({ ...BASE, cert: path('one.pem'), key: await put('text.key', 'hello') }),
  ).rejects.toThrow('is not an unencrypted private key')
  await expect(loadEtcdSecrets({ ...BASE, cert: path('one.pem'), key: path('two.key') })).rejects.toThrow(
    'does not match the certificate',
  )
})
