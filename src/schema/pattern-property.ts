/** Thrown for a pattern that cannot be used; the message is the reason. */
export class PatternRefused extends Error {}

/** The long names of the general categories (PropertyValueAliases.txt); RE2 knows the short ones. */
const CATEGORIES: Readonly<Record<string, string>> = {
  Other: 'C',
  Control: 'Cc',
  cntrl: 'Cc',
  Format: 'Cf',
  Unassigned: 'Cn',
  Private_Use: 'Co',
  Surrogate: 'Cs',
  Letter: 'L',
  Cased_Letter: 'LC',
  Lowercase_Letter: 'Ll',
  Modifier_Letter: 'Lm',
  Other_Letter: 'Lo',
  Titlecase_Letter: 'Lt',
  Uppercase_Letter: 'Lu',
  Mark: 'M',
  Combining_Mark: 'M',
  Spacing_Mark: 'Mc',
  Enclosing_Mark: 'Me',
  Nonspacing_Mark: 'Mn',
  Number: 'N',
  Decimal_Number: 'Nd',
  digit: 'Nd',
  Letter_Number: 'Nl',
  Other_Number: 'No',
  Punctuation: 'P',
  punct: 'P',
  Connector_Punctuation: 'Pc',
  Dash_Punctuation: 'Pd',
  Close_Punctuation: 'Pe',
  Final_Punctuation: 'Pf',
  Initial_Punctuation: 'Pi',
  Other_Punctuation: 'Po',
  Open_Punctuation: 'Ps',
  Symbol: 'S',
  Currency_Symbol: 'Sc',
  Modifier_Symbol: 'Sk',
  Math_Symbol: 'Sm',
  Other_Symbol: 'So',
  Separator: 'Z',
  Line_Separator: 'Zl',
  Paragraph_Separator: 'Zp',
  Space_Separator: 'Zs',
}
const SHORT_CATEGORIES = new Set(Object.values(CATEGORIES))

/**
 * The name of a property in RE2: a category, or a script after `Script=`.
 * @throws PatternRefused for every other property.
 */
export function propertyOf(name: string, value: string | undefined): string {
  const category = value === undefined ? name : /^(?:General_Category|gc)$/.test(name) ? value : undefined
  if (category !== undefined) {
    if (SHORT_CATEGORIES.has(category)) return category
    const short = Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category] : undefined
    if (short !== undefined) return short
    if (category === 'Any' && value === undefined) return 'Any'
  }
  if (value !== undefined && /^(?:Script|sc)$/.test(name)) return value
  throw new PatternRefused(
    `it has the property "${value === undefined ? name : `${name}=${value}`}"; allowed are general categories such as "L" or "Letter", and scripts by their long names such as "Script=Greek"`,
  )
}
