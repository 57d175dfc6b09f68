import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Makes a key pair for RS256 in a folder; returns the flags of an etcd that signs its tokens with it. */
export async function makeJwtFlags(folder: string, ttl: string): Promise<string[]> {
  const [key, pub] = [join(folder, 'key.pem'), join(folder, 'pub.pem')]
  await run('openssl', ['genrsa', '-out', key, '2048'])
  await run('openssl', ['rsa', '-in', key, '-pubout', '-out', pub])
  return [`--auth-token=jwt,pub-key=${pub},priv-key=${key},sign-method=RS256,ttl=${ttl}`]
}
