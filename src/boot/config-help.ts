import { type ConfigKey, configSections } from './config-schema.ts'

/** All keys of kytos.ini with default, type and meaning, as text for a terminal. */
export function describeConfig(): string {
  const sections = configSections().map(([section, keys]) => {
    const lines = Object.entries(keys).map(([key, schema]) => {
      const head =
        schema.default === undefined ? `${key} (default: ${schema.otherwise})` : `${key} = ${schema.default}`
      return `  ${head}\n      ${describeType(schema)}. ${schema.description}`
    })
    return `[${section}]\n${lines.join('\n')}`
  })
  return `${sections.join('\n\n')}\n`
}

/** All keys of kytos.ini as the Markdown table in docs/configuration.md. */
export function configTable(): string {
  const rows = configSections().flatMap(([section, keys]) =>
    Object.entries(keys).map(([key, schema]) => {
      const value = schema.default === undefined ? schema.otherwise : `\`${schema.default}\``
      return `| \`[${section}]\` | \`${key}\` | ${describeType(schema)} | ${value} | ${schema.description} |`
    }),
  )
  return ['| section | key | type | default | meaning |', '|---|---|---|---|---|', ...rows].join('\n')
}

function describeType({ type }: ConfigKey): string {
  return type.path ? `${type.name}, relative to the file` : type.name
}
