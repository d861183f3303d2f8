import type { LoadedModel, WorkerEvent, WorkerOrder } from '../schemas/index.ts'
import { WorkerError } from './errors.ts'

/** How orders end that are followed. */
export type OrderEvent = Extract<WorkerEvent, { type: 'loaded' | 'unloaded' | 'trained' }>

interface Given {
  readonly order: WorkerOrder
  resolve(event: OrderEvent): void
  reject(error: WorkerError): void
}

/** The orders that one Python process has, from the giving to the event that ends them. */
export class Orders {
  readonly #given = new Map<string, Given>()
  #number = 0

  /** Whether one of them is to train. */
  get trains(): boolean {
    return [...this.#given.values()].some(({ order }) => order.kind === 'train')
  }

  /** An id for the next order. */
  nextId(): string {
    this.#number += 1
    return `order-${this.#number}`
  }

  /** Notes an order; resolves or rejects with its end. */
  add(order: WorkerOrder): Promise<OrderEvent> {
    return new Promise((resolve, reject) => {
      this.#given.set(order.id, { order, resolve, reject })
    })
  }

  /** Ends an order as Python says; returns the models that it has then. */
  end(event: OrderEvent, models: readonly LoadedModel[]): readonly LoadedModel[] {
    const given = this.#given.get(event.id)
    this.#given.delete(event.id)
    given?.resolve(event)
    return given === undefined ? models : modelsAfter(models, given.order, event)
  }

  /** Ends an order without what it asked for; an id that is not an order's is fine. */
  fail(id: string, error: WorkerError): void {
    this.#given.get(id)?.reject(error)
    this.#given.delete(id)
  }

  failAll(error: WorkerError): void {
    for (const id of [...this.#given.keys()]) this.fail(id, error)
  }
}

export function wrongEnd({ type }: OrderEvent): WorkerError {
  return new WorkerError('internal', `the worker ended the order wrongly, with ${type}`)
}

function modelsAfter(
  models: readonly LoadedModel[],
  order: WorkerOrder,
  event: OrderEvent,
): readonly LoadedModel[] {
  if (event.type === 'loaded') {
    return [...models.filter(({ id }) => id !== event.model.id), event.model]
  }
  if (order.kind === 'unload') return models.filter(({ id }) => id !== order.model)
  return models
}
