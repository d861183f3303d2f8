/**
 * The messages between the gateway and a bridge host, over Node's IPC channel.
 *
 * The host is a courier: what Python is asked and what it answers or pushes crosses it as JSON
 * text that it does not read. That text is described in `schemas/worker.ts`.
 */
import { z } from 'zod'

/** The functions that the Python module offers; each takes a string and returns JSON at once. */
export const Method = z.enum(['start', 'submit', 'order', 'cancel', 'check', 'ping', 'shutdown'])
export type Method = z.infer<typeof Method>

/** Gateway to host: call `method` in Python. After `shutdown` is answered the host ends. */
export const HostRequest = z.strictObject({
  number: z.int(),
  method: Method,
  argument: z.string(),
})
export type HostRequest = z.infer<typeof HostRequest>

/** Host to gateway. */
export const HostMessage = z.discriminatedUnion('kind', [
  /** What Python returned for the request with this number. */
  z.strictObject({ kind: z.literal('reply'), number: z.int(), text: z.string() }),
  /** What Python pushed. */
  z.strictObject({ kind: z.literal('event'), text: z.string() }),
  /** Python is gone or cannot be reached; the host ends. */
  z.strictObject({ kind: z.literal('lost'), reason: z.string() }),
])
export type HostMessage = z.infer<typeof HostMessage>
