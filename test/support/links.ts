/** The targets of all links and images of a Markdown page, without those in code. */
export function linksOf(markdown: string): readonly string[] {
  const text = withoutFences(markdown)
  const prose = text.replaceAll(/(`+)(?!`)(?:(?!\1).)+\1(?!`)/gs, 'code')
  const found = [
    ...prose.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g),
    ...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm),
    ...prose.matchAll(/\b(?:href|src)=["']([^"']+)["']/g),
  ]
  return found.map(([, target = '']) => target)
}

/** The anchors of a Markdown page: one for each heading, built as GitHub does, and those of `id`. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const text = withoutFences(markdown)
  const anchors = new Set<string>()
  const seen = new Map<string, number>()
  for (const [, heading = ''] of text.matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)) {
    const slug = slugOf(heading)
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    anchors.add(count === 0 ? slug : `${slug}-${count}`)
  }
  for (const [, id = ''] of text.matchAll(/<[a-z]+ [^>]*\b(?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

function slugOf(heading: string): string {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-')
}

function withoutFences(markdown: string): string {
  return markdown.replaceAll(/^ {0,3}(```+|~~~+).*?^ {0,3}\1 *$/gms, '')
}
