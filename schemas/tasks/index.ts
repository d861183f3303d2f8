import { z } from 'zod'
import { caption } from './caption.ts'
import { denseCaption } from './dense-caption.ts'
import { describe } from './describe.ts'
import { locate } from './locate.ts'
import { segment } from './segment.ts'

export * from './caption.ts'
export * from './dense-caption.ts'
export * from './describe.ts'
export * from './locate.ts'
export * from './segment.ts'
export * from './task.ts'

/** Every task of the server. A new one is a file beside this one and a name in this list. */
export const tasks = [caption, describe, locate, segment, denseCaption] as const

export const TaskName = z.enum(tasks.map(({ name }) => name)).meta({ id: 'TaskName' })
export type TaskName = z.infer<typeof TaskName>
