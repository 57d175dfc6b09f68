/** True when there is a complete build that is not older than its sources. */
export declare function isBuilt(): boolean
export const PYTHON: string
