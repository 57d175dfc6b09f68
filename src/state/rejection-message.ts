import type { RejectedMember } from '../../events/changes.ts'
import type { Facts } from '../../events/map.ts'
import { equalJson } from '../../model/value.ts'

/** The rules of a manual edit that does not count at all. */
const WHOLE_RULES: readonly string[] = ['json', 'strict', 'case']
/** The rejected members whose messages one sentence contains. */
const MAX_MESSAGES = 5

/** True for a stored value that is ignored; false for a rule that is broken although all values count. */
export function isIgnored({ stored, counts }: RejectedMember): boolean {
  return !equalJson(stored, counts)
}

/** One log message about a fact `settings.rejected`: the ignored values, and the rules that stay broken. */
export function rejectionMessage(content: Facts['settings.rejected']): string {
  const { namespace, source, rejected, more = 0 } = content
  if (namespace === null) return `Rejected ${source}: ${messagesOf(rejected)}`
  const [first] = rejected
  if (!first) return `${namespace}: all values match the schema again and count.`
  if (rejected.some(({ rule, pointer }) => pointer === '' && WHOLE_RULES.includes(rule)))
    return `${namespace}: rejected ${source}: ${messagesOf(rejected)} The last valid settings stay in use.`
  const ignored = rejected.filter(isIgnored)
  const broken = rejected.filter(one => !isIgnored(one))
  const count = ignored.length + more
  const values = count === 1 ? '1 value that does' : `${count} values that do`
  if (ignored.length === 0)
    return `${namespace}: all values count, but they do not match the schema: ${messagesOf(broken)}`
  const rest = broken.length > 0 ? ` All other values count, but do not match it: ${messagesOf(broken)}` : ''
  return `${namespace}: ignored ${values} not match the schema: ${messagesOf(ignored)}${rest}`
}

function messagesOf(rejected: readonly RejectedMember[]): string {
  const messages = rejected.slice(0, MAX_MESSAGES).map(({ message }) => message)
  const others = rejected.length - messages.length
  return [...messages, ...(others > 0 ? [`${others} more.`] : [])].join(' ')
}
