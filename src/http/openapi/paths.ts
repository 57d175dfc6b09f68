/** The first part of all paths of the REST API. */
export const API = '/api/kytos/settings/v1'

/** The first part of all paths of storehouse. */
export const STOREHOUSE = '/api/kytos/storehouse'
