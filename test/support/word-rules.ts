/** A construction that texts for people avoid, with the expression to write in its place. */
export interface WordRule {
  readonly name: string
  readonly pattern: RegExp
  readonly instead: string
}

/** A match of a rule. */
export interface WordFinding {
  readonly rule: string
  readonly match: string
  readonly instead: string
}

/** The longest sentence, in words. */
export const SENTENCE_WORDS = 25

/** The start of a text, a sentence or a clause. */
const START = String.raw`(?:^|[.!?:;]\s|\n\n)["(]*`

/** Plain technical English: a noun as the subject, one verb for one concept, no metaphors. */
export const WORD_RULES: readonly WordRule[] = [
  rule(
    'who as a subject',
    `${START}who(?:ever)?\\b|\\b(?:so|and|of|or|but|for|to|by|with|from|that|than|if|as) who(?:ever)?\\b`,
    'the caller',
  ),
  rule('what as a subject', `${START}what(?:ever)?\\b(?![^.?!]*\\?)`, 'a noun'),
  rule(
    'nobody, somebody',
    String.raw`\b(?:nobody|somebody|anybody|everybody|whoever|whomever)\b`,
    'the user, another client',
  ),
  rule('tell', String.raw`\b(?:tell|tells|told|telling)\b`, 'report, show, announce'),
  rule('say', String.raw`\b(?:say|says|said|saying)\b`, 'report, show, contain'),
  rule('hear', String.raw`\b(?:hear|hears|heard|hearing)\b`, 'receive'),
  rule('mend', String.raw`\b(?:mend|mends|mended|mending)\b`, 'repair, fix'),
  rule('stand', String.raw`\b(?:stand|stands|stood)\b`, 'be, be stored'),
  rule('go on', String.raw`\b(?:go|goes|went|going|gone) on\b(?! loopback)`, 'continue, resume'),
  rule('give', String.raw`\b(?:give|gives|gave|giving)\b`, 'return, pass'),
  rule(
    'come in',
    String.raw`\b(?:come|comes|came) in\b(?!to)|\b(?:take|takes|took|taken|taking) in\b(?!to)|\b(?:let|lets) \w+ in\b(?!to)`,
    'import, log in',
  ),
  rule('try again', String.raw`\b(?:try|tries|tried) (?:it )?again\b|\btried anew\b`, 'retry'),
  rule('anew', String.raw`\banew\b`, 'again'),
  rule('for ever', String.raw`\bfor ?ever\b`, 'permanently, without end'),
  rule('all the same', String.raw`\ball the same\b`, 'anyway'),
  rule('but for', String.raw`\bbut for\b`, 'except'),
  rule('good for nothing', String.raw`\bgood for nothing\b`, 'invalid'),
  rule('by hand of', String.raw`\bby hand of\b`, 'by'),
  rule('that which', String.raw`\bthat which\b|\bthose who\b|\bof (?:ours|one's own)\b`, 'a noun'),
  rule('vouch', String.raw`\bvouch(?:es|ed)?\b`, 'confirm'),
  rule('hand out', String.raw`\bhand(?:s|ed)? (?:out|over)\b`, 'deliver, pass'),
  rule('door', String.raw`\bdoors?\b`, 'authentication, endpoint'),
  rule('house', String.raw`\bhouses?\b|\bwings?\b`, 'module, service'),
  rule('courtesy', String.raw`\bcourtes(?:y|ies|ous)\b`, 'backoff'),
  rule('farewell', String.raw`\bfarewells?\b|\bwith a word\b|\bhas the word\b`, 'close reason'),
  rule(
    'line as a connection',
    String.raw`\b(?:slow|dead|cut|the|its|their) lines? (?:is|was|are|were|went|goes|broke|breaks|that is cut|dies|can die|stays|down)\b|\bslow line\b`,
    'connection',
  ),
  rule('under way', String.raw`\bunder way\b`, 'in progress'),
  rule(
    'of that kind',
    String.raw`\bthere (?:is|are|was|were) none\b|\bthat there (?:is|are|was|were)\b(?! (?:no|a)\b)`,
    'existing',
  ),
]

function rule(name: string, pattern: string, instead: string): WordRule {
  return { name, pattern: new RegExp(pattern, 'gi'), instead }
}

/** All violations of the rules in a text, with some of the text around each. */
export function findWords(text: string): readonly WordFinding[] {
  const found = WORD_RULES.flatMap(({ name, pattern, instead }) =>
    [...text.matchAll(pattern)].map(match => ({
      rule: name,
      match: around(text, match.index, match[0].length),
      instead,
    })),
  )
  const long = sentencesOf(text).filter(sentence => wordsIn(sentence) > SENTENCE_WORDS)
  return [
    ...found,
    ...long.map(sentence => ({
      rule: 'a long sentence',
      match: around(sentence, 0, 60),
      instead: `at most ${SENTENCE_WORDS} words`,
    })),
  ]
}

/**
 * The sentences of a text. They end at a mark or a colon before a space, and before a list or a paragraph.
 */
export function sentencesOf(text: string): readonly string[] {
  return text
    .replaceAll(/\b(?:e\.g|i\.e|etc)\./g, 'eg')
    .split(/(?<=[.!?:]["')]*)\s+|\n(?=\s*\n|\s{2,}|[-*@])/)
    .map(sentence => sentence.trim())
    .filter(sentence => sentence !== '')
}

export function wordsIn(sentence: string): number {
  return (sentence.match(/[\p{L}\p{N}_…][^\s]*/gu) ?? []).length
}

function around(text: string, index: number, length: number): string {
  const flat = (part: string): string => part.replaceAll(/\s+/g, ' ')
  return flat(text.slice(Math.max(0, index - 16), index + length + 16)).trim()
}
