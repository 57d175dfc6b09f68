/**
 * Does something with each item, so many at a time, begun in their order. When one fails, no other is begun, and `isOver` tells those that are under way.
 * @throws what the first one that failed threw, once none is under way any more.
 */
export async function sideBySide<Item>(
  lanes: number,
  items: readonly Item[],
  work: (item: Item, isOver: () => boolean) => Promise<void>,
): Promise<void> {
  let next = 0
  let failed: { readonly error: unknown } | undefined
  const run = async (): Promise<void> => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++] as Item, () => failed !== undefined) // In bounds, and an item may be undefined.
      } catch (error) {
        failed ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, run))
  if (failed) throw failed.error
}
