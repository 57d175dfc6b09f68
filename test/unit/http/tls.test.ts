import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { loadCertificate } from '../../../src/http/auth/certificate.ts'
import { type Certificates, makeCertificates, renewServerCertificate } from '../../support/etcd-tls.ts'
import { openGuardedRig } from './guarded.ts'
import { API, send } from './harness.ts'

let folder: string
let authority: Certificates
const at = (name: string) => join(folder, name)
const files = () => ({ cert: at('server.pem'), key: at('server-key.pem'), checkInterval: 20 })

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kytos-tls-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  authority = await makeCertificates(folder)
})

/** One request over TLS, from a client that trusts the test's authority only. */
function ask(
  port: number,
  headers: Record<string, string>,
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path: API, ca: authority.ca, headers, agent: false },
      async response => resolve({ status: response.statusCode, body: await text(response) }),
    )
    request.on('error', reject)
  })
}

function handshake(port: number, options: object = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.ca, ...options }, () => resolve(socket))
    socket.on('error', reject)
    onTestFinished(() => void socket.destroy())
  })
}

describe('HTTPS', () => {
  it('answers who trusts its authority, TLS 1.2 at least, and nothing in plain', async () => {
    const rig = await openGuardedRig({}, { certificate: await loadCertificate(files()) })
    expect(rig.http.url).toBe(`https://127.0.0.1:${rig.http.port}`)
    const { headers } = await rig.token(['read'])
    expect((await ask(rig.http.port, headers)).status).toBe(200)
    expect((await ask(rig.http.port, {})).status).toBe(401)
    await expect(handshake(rig.http.port, { ca: [] })).rejects.toThrow(/self-signed|unable to verify/)
    await expect(
      handshake(rig.http.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).rejects.toThrow()
    expect((await handshake(rig.http.port, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
    await expect(send(rig.http.port, 'GET', API)).rejects.toThrow()
  })

  it('takes a renewed certificate by itself, and keeps the one it has while the new one is wrong', async () => {
    const rig = await openGuardedRig({}, { certificate: await loadCertificate(files()) })
    const fingerprint = async () => (await handshake(rig.http.port)).getPeerCertificate().fingerprint256
    const first = await fingerprint()
    await writeFile(at('server-key.pem'), 'half a k')
    await expect.poll(() => rig.log.lines.join('\n')).toContain('The new certificate was rejected')
    expect(await fingerprint()).toBe(first)
    await renewServerCertificate(folder)
    await expect.poll(fingerprint, { timeout: 5_000 }).not.toBe(first)
    expect(rig.log.lines.join('\n')).toContain('Loaded the new certificate')
  })
})

describe('a certificate that is wrong', () => {
  it.each([
    ['is not there', () => rm(at('server.pem')), /tls_cert .*server\.pem cannot be read/],
    [
      'is not PEM',
      () => writeFile(at('server.pem'), 'x'),
      /tls_cert .* and tls_key .* are not a certificate and its key/,
    ],
    [
      'has another key',
      () => copyFile(at('client-key.pem'), at('server-key.pem')),
      /are not a certificate and its key/,
    ],
  ])('because it %s is named before anything listens', async (_what, spoil, message) => {
    await spoil()
    await expect(loadCertificate(files())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  })
})
