/** The gateway's own process, under the names that dashboards for Node.js know. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { MetricSource } from './metrics.ts'

export class ProcessMetrics implements MetricSource {
  readonly #memory: Gauge
  readonly #cpu: Counter
  readonly #busy: Gauge
  #loop: EventLoopUtilization = performance.eventLoopUtilization()

  constructor(registry: Registry) {
    const registers = [registry]
    this.#memory = new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Memory of the gateway, without the workers',
      registers,
    })
    this.#cpu = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time of the gateway, without the workers',
      registers,
    })
    this.#busy = new Gauge({
      name: 'nodejs_eventloop_utilization',
      help: 'Part of the time since the last look that the event loop was busy, from 0 to 1',
      registers,
    })
  }

  update(): void {
    const loop = performance.eventLoopUtilization()
    const { user, system } = process.cpuUsage()
    this.#memory.set(process.memoryUsage.rss())
    this.#cpu.reset()
    this.#cpu.inc((user + system) / 1e6)
    this.#busy.set(performance.eventLoopUtilization(loop, this.#loop).utilization)
    this.#loop = loop
  }
}
