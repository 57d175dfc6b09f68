import type { Etcd3 } from 'etcd3'

/** The parts of an etcd3 client, of the pinned version, that its types keep private. */
interface Internals {
  readonly pool: {
    readonly hosts: readonly [{ getServiceClient(name: 'Auth'): AuthStub }]
    readonly authenticator: {
      getCredentialsFromHost(
        address: string,
        name: string,
        password: string,
        options: object | undefined,
      ): Promise<string>
    }
  }
}

interface AuthStub {
  authenticate(
    request: { readonly name: string; readonly password: string },
    options: object,
    answer: (error: Error | null, response: { readonly token: string }) => void,
  ): void
}

/**
 * Has a client of one endpoint authenticate on its own channel. etcd3 opens a channel for each authentication
 * and never closes it, which leaves 11 KB behind. That channel has none of the client's gRPC options either.
 */
export function authenticateOnOwnChannel(client: Etcd3): void {
  const { pool } = client as unknown as Internals
  pool.authenticator.getCredentialsFromHost = (_address, name, password, options) =>
    new Promise((resolve, reject) => {
      pool.hosts[0]
        .getServiceClient('Auth')
        .authenticate({ name, password }, options ?? {}, (error, response) =>
          error ? reject(error) : resolve(response.token),
        )
    })
}
