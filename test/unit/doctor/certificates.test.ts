import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { examineCertificates } from '../../../src/doctor/certificates.ts'
import { makeDatedCertificate } from '../../support/dated-certificate.ts'
import { temporaryTree } from '../host/napps-tree.ts'

const after = 'then look'
const run = promisify(execFile)

async function told(file: Parameters<typeof examineCertificates>[0]): Promise<readonly string[]> {
  return (await examineCertificates(file)).map(({ severity, code }) => `${severity} ${code}`)
}

describe('A certificate', () => {
  it('that is valid for long enough, with its key, has no finding', async () => {
    const folder = await temporaryTree()
    expect(
      await examineCertificates({ ...(await makeDatedCertificate(folder, 'good', -1, 31)), after }),
    ).toEqual([])
  })

  it.each([
    [
      'has expired',
      -40,
      -1,
      'broken certificate.expired',
      /^The certificate of CN=dated expired on 20\d\d-\d\d-\d\dT[\d:]+Z\.$/,
    ],
    [
      'is not valid yet',
      1,
      400,
      'broken certificate.early',
      /is not valid before 20.*Z; the clock of this host is at 20.*Z\.$/,
    ],
    ['ends in a month', -300, 29.5, 'warning certificate.expiring', /expires on 20.*Z, in 29 days\.$/],
    ['ends today', -300, 0.5, 'warning certificate.expiring', /, within a day\.$/],
  ])('that %s is told so', async (_what, from, to, code, sentence) => {
    const folder = await temporaryTree()
    const files = await makeDatedCertificate(folder, 'dated', from, to)
    expect(await told({ ...files, after })).toEqual([code])
    expect((await examineCertificates({ ...files, after }))[0]).toMatchObject({
      where: files.cert,
      what: expect.stringMatching(sentence),
    })
  })

  it('with a key of another certificate is reported, with a command that requests one for that key and the same names', async () => {
    const folder = await temporaryTree()
    const [{ cert }, { key }] = [
      await makeDatedCertificate(folder, "it's", -1, 400),
      await makeDatedCertificate(folder, 'other', -1, 400),
    ]
    expect(await told({ cert, key, after })).toEqual(['broken certificate.key'])
    const [{ repair } = { repair: '' }] = await examineCertificates({ cert, key, after })
    await run('bash', ['-c', repair])
    const asked = await run('openssl', ['req', '-noout', '-text', '-verify', '-in', `${cert}.csr`])
    expect(asked.stdout).toMatch(/Subject: CN = it's\n(.*\n)*.*DNS:localhost, IP Address:127\.0\.0\.1/)
    const of = async (...args: string[]) => (await run('openssl', args)).stdout
    expect(await of('req', '-noout', '-pubkey', '-in', `${cert}.csr`)).toBe(
      await of('pkey', '-pubout', '-in', key),
    )
  })

  it('up to an authority has to be good with all that are between, and of authorities one is enough', async () => {
    const folder = await temporaryTree()
    const [good, old] = [
      await makeDatedCertificate(folder, 'good', -1, 400),
      await makeDatedCertificate(folder, 'old', -9, -1),
    ]
    const both = join(folder, 'both.pem')
    await writeFile(both, `${await readFile(good.cert, 'utf8')}${await readFile(old.cert, 'utf8')}`)
    expect(await told({ cert: both, key: good.key, after })).toEqual(['broken certificate.expired'])
    expect(await told({ cert: both, any: true, after })).toEqual(['warning certificate.expired'])
    expect(await told({ cert: old.cert, any: true, after })).toEqual(['broken certificate.expired'])
  })

  it('that cannot be read is left to other checks', async () => {
    const folder = await temporaryTree()
    const { key } = await makeDatedCertificate(folder, 'good', -1, 400)
    await writeFile(join(folder, 'bad.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
    expect(await told({ cert: join(folder, 'bad.pem'), key, after })).toEqual([])
    expect(await told({ cert: join(folder, 'none.pem'), key, after })).toEqual([])
  })
})
