import type { Lines } from './syntax/lines.ts'
import type { SyntaxNode } from './syntax/node.ts'
import type { Span } from './syntax/tokens.ts'

/** The comments of a file: what describes a statement. */
export interface Comments {
  /**
   * The lines of comment directly above (those led by `#:` alone, where there are any) and the one behind it;
   * undefined where there is none.
   */
  describe(statement: SyntaxNode): string | undefined
}

/** Words to tools, not to people. */
const PRAGMA = /^(?:noqa\b|nosec\b|pylint:|type:|mypy:|flake8:|ruff:|pragma\b|yapf:|fmt:|isort:|-\*-|!)/i
/** Rules that decorate: `#####`, `# -----`. */
const RULE = /^[\s#*=~_.+-]*$/
const LONGEST = 4_000

export function findComments(comments: readonly Span[], text: string, { starts, lineOf }: Lines): Comments {
  const whole = new Map<number, string>()
  const trailing = new Map<number, string>()
  for (const { from, to } of comments) {
    const line = lineOf(from)
    const alone = text.slice(starts[line - 1], from).trim() === ''
    const into = alone ? whole : trailing
    into.set(line, text.slice(from + 1, to).trimEnd())
  }
  return {
    describe({ from, to }) {
      const [first, last] = [lineOf(from), lineOf(to)]
      const above: string[] = []
      for (let line = first - 1; whole.has(line); line--) above.unshift(whole.get(line) ?? '')
      const marked = above.filter(one => one.startsWith(':'))
      const behind = [...new Set([first, last])].flatMap(line => trailing.get(line) ?? [])
      const told = (marked.length > 0 ? marked : above).concat(behind).map(clean).filter(isSaid)
      return told.length > 0 ? told.join('\n').slice(0, LONGEST) : undefined
    },
  }
}

/** A docstring as Python's `inspect.cleandoc` shows it. */
export function cleanDocstring(text: string): string {
  const [first = '', ...rest] = text.replaceAll('\t', '        ').split('\n')
  const margin = Math.min(
    ...rest.filter(line => line.trim() !== '').map(line => line.length - line.trimStart().length),
  )
  return [first.trimStart(), ...rest.map(line => line.slice(Number.isFinite(margin) ? margin : 0))]
    .map(line => line.trimEnd())
    .join('\n')
    .trim()
    .slice(0, LONGEST)
}

function clean(comment: string): string {
  return comment.replace(/^:?#*\s?/, '').trim()
}

function isSaid(comment: string): boolean {
  return !PRAGMA.test(comment) && !RULE.test(comment)
}
