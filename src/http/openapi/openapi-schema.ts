/** A JSON Schema (2020-12) of the OpenAPI document. */
export type Schema = Readonly<Record<string, unknown>> | boolean
