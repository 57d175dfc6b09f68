/** A JSON Schema (2020-12) as it stands in the document. */
export type Schema = Readonly<Record<string, unknown>> | boolean
