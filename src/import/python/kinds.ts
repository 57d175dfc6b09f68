const KINDS: Readonly<Record<string, string>> = {
  LambdaExpression: 'a lambda',
  ArrayComprehensionExpression: 'a comprehension',
  SetComprehensionExpression: 'a comprehension',
  DictionaryComprehensionExpression: 'a comprehension',
  ComprehensionExpression: 'a comprehension',
  NamedExpression: 'an assignment inside an expression',
  AwaitExpression: '"await"',
  YieldExpression: '"yield"',
  Ellipsis: '"..."',
}

/** What people call a kind of expression that is no data. */
export function nameKind(name: string): string {
  return KINDS[name] ?? 'an expression of this kind'
}
