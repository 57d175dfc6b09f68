/** The author of a write: a NApp (`kytos/of_lldp`), a person, an edited file, an import, or this service. */
export interface Actor {
  readonly type: 'napp' | 'user' | 'file' | 'import' | 'system'
  readonly name: string
}

/** The service itself, for housekeeping and for documents that it adopts. */
export const SYSTEM: Actor = { type: 'system', name: 'kytos/settings' }
/** The author of a change that bypassed the service: in the file, or in etcd with another client. */
export const HAND_EDIT: Actor = { type: 'file', name: 'hand edit' }
