import { z } from 'zod'
import { caption } from './caption.ts'
import { describe } from './describe.ts'
import { locate } from './locate.ts'

export * from './caption.ts'
export * from './describe.ts'
export * from './locate.ts'
export * from './task.ts'

/** Every task of the server. A new one is a file beside this one and a name in this list. */
export const tasks = [caption, describe, locate] as const

export const TaskName = z.enum(tasks.map(({ name }) => name)).meta({ id: 'TaskName' })
export type TaskName = z.infer<typeof TaskName>
