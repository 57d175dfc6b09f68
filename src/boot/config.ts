/** `kytos.ini`, read and checked: absolute paths, defaults filled in. */
export interface Config {
  /** The file it was read from, absolute. */
  readonly file: string
  readonly daemon: {
    readonly listen: string
    readonly api_port: number
    readonly napps: string
    readonly napps_pre_installed: readonly string[]
  }
  readonly settings: {
    readonly backend: 'filesystem' | 'etcd'
    readonly controller: string
    readonly port: number
    readonly state_dir: string
    readonly strict: boolean
    /** Seconds in OFFLINE before the process gives up. */
    readonly start_timeout: number
  }
  readonly filesystem: { readonly path: string }
  readonly etcd: EtcdConfig
}

export interface EtcdConfig {
  readonly endpoints: readonly string[]
  readonly prefix: string
  readonly username?: string
  readonly password_file?: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Seconds until an unanswered call has failed. */
  readonly timeout: number
}
