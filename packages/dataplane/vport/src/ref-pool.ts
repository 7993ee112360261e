/**
 * Small numbers for values that many connections share, so that a connection can hold a number. A value is forgotten when
 * the last connection that held it is gone, and its number is used again.
 */
export class RefPool<T> {
  readonly #values: (T | undefined)[] = [undefined]
  readonly #counts: number[] = [0]
  readonly #free: number[] = []
  readonly #numbers = new Map<T, number>()
  readonly #isSame: ((a: T, b: T) => boolean) | undefined

  /** @param isSame where different objects may mean the same. */
  constructor(isSame?: (a: T, b: T) => boolean) {
    this.#isSame = isSame
  }

  get size(): number {
    return this.#numbers.size
  }

  of(number: number): T | undefined {
    return this.#values[number]
  }

  /** @returns the value's number, for which `give` must be called once. */
  take(value: T): number {
    const number = this.#find(value)
    if (number !== undefined) {
      this.#counts[number]!++
      return number
    }
    const fresh = this.#free.pop() ?? this.#values.length
    this.#values[fresh] = value
    this.#counts[fresh] = 1
    this.#numbers.set(value, fresh)
    return fresh
  }

  give(number: number): void {
    const value = this.#values[number]
    if (value === undefined || --this.#counts[number]! > 0) return
    this.#values[number] = undefined
    this.#numbers.delete(value)
    this.#free.push(number)
  }

  #find(value: T): number | undefined {
    const known = this.#numbers.get(value)
    if (known !== undefined || this.#isSame === undefined) return known
    // Rare: the value was made anew, with a new configuration.
    for (const [other, number] of this.#numbers) if (this.#isSame(other, value)) return number
    return undefined
  }
}
