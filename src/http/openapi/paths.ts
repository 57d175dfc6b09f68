/** Where the REST API begins. */
export const API = '/api/kytos/settings/v1'

/** Where storehouse's users look for it. */
export const STOREHOUSE = '/api/kytos/storehouse'
