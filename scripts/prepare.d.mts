/** True when there is a complete build that is not older than its sources. */
export declare function isBuilt(): boolean
/** Python with the packages that the tests need, once `npm test` has installed them. */
export declare const PYTHON: string
/** The folder with the generators of clients, once `npm test` has installed them. */
export declare const CLIENT_TOOLS: string
