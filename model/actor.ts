/** The author of a write: a NApp (`kytos/of_lldp`), a person, an edited file, an import, or this service. */
export interface Actor {
  readonly type: 'napp' | 'user' | 'file' | 'import' | 'system'
  readonly name: string
}

/** The service itself: adoption of what it found, housekeeping. */
export const SYSTEM: Actor = { type: 'system', name: 'kytos/settings' }
/** Whoever edited a document past the service: in the file, or in etcd with another client. */
export const HAND_EDIT: Actor = { type: 'file', name: 'hand edit' }
