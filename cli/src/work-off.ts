/**
 * Does `work` for every item, for so many at once. The first failure ends it: nothing more is begun,
 * and it is thrown when what was begun has ended.
 */
export async function workOff<Item>(
  items: readonly Item[],
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items]
  const failures: unknown[] = []
  const hand = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      await work(item).catch((error: unknown) => {
        failures.push(error)
        left.length = 0
      })
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, hand))
  if (failures.length > 0) throw failures[0]
}
