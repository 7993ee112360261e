/**
 * Events by time, as numbers in typed arrays. The virtual clock of @lodestone/host makes two objects per event; a run here has
 * tens of millions of them, and they are all of four kinds. Events of the same time come in the order of insertion.
 */

export class EventHeap {
  #times = new Float64Array(1024)
  #orders = new Float64Array(1024)
  #values = new Int32Array(1024)
  #size = 0
  #order = 0

  get size(): number {
    return this.#size
  }

  /** Time of the first event. The heap is not empty. */
  get time(): number {
    return this.#times[0]!
  }

  get value(): number {
    return this.#values[0]!
  }

  push(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow()
    this.#up(this.#size++, time, this.#order++, value)
  }

  pop(): void {
    const last = --this.#size
    if (last > 0) this.#down(this.#times[last]!, this.#orders[last]!, this.#values[last]!)
  }

  /** `pop` and `push` in one. */
  replace(time: number, value: number): void {
    this.#down(time, this.#order++, value)
  }

  #up(from: number, time: number, order: number, value: number): void {
    const times = this.#times
    let i = from
    while (i > 0) {
      const parent = (i - 1) >> 1
      // What is new comes after everything of the same time.
      if (times[parent]! <= time) break
      times[i] = times[parent]!
      this.#orders[i] = this.#orders[parent]!
      this.#values[i] = this.#values[parent]!
      i = parent
    }
    times[i] = time
    this.#orders[i] = order
    this.#values[i] = value
  }

  #down(time: number, order: number, value: number): void {
    const times = this.#times
    const orders = this.#orders
    const values = this.#values
    const size = this.#size
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= size) break
      if (child + 1 < size && isBefore(times, orders, child + 1, child)) child++
      if (times[child]! > time || (times[child] === time && orders[child]! > order)) break
      times[i] = times[child]!
      orders[i] = orders[child]!
      values[i] = values[child]!
      i = child
    }
    times[i] = time
    orders[i] = order
    values[i] = value
  }

  #grow(): void {
    const length = this.#times.length * 2
    const times = new Float64Array(length)
    const orders = new Float64Array(length)
    const values = new Int32Array(length)
    times.set(this.#times)
    orders.set(this.#orders)
    values.set(this.#values)
    this.#times = times
    this.#orders = orders
    this.#values = values
  }
}

function isBefore(times: Float64Array, orders: Float64Array, a: number, b: number): boolean {
  return times[a]! < times[b]! || (times[a] === times[b] && orders[a]! < orders[b]!)
}
