import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { deleteImage, readImage, storeImage } from '../../schemas/index.ts'
import { type ImageStore, receiveImage } from '../images.ts'
import { mount } from '../mount.ts'
import { maxBodyBytes, readUpload } from '../plugins/uploads.ts'
import type { ImageLimits } from '../probe.ts'
import { invalidRequest, parse } from '../validation.ts'

const noFields = z.strictObject({})

export function imageRoutes(app: FastifyInstance, images: ImageStore, limits: ImageLimits): void {
  const options = { bodyLimit: maxBodyBytes(limits.max_image_bytes) }

  mount(
    app,
    storeImage,
    async (request, reply) => {
      const { image, fields } = await readUpload(request)
      parse(noFields, fields)
      if (!(image instanceof Uint8Array)) {
        throw invalidRequest([{ pointer: '/image', message: 'send the image itself, not its id' }])
      }
      const stored = await images.store(await receiveImage(image, limits))
      reply.header('location', `/v1/images/${stored.id}`)
      return stored
    },
    options,
  )

  mount(app, readImage, async (request) => {
    const { id } = parse(readImage.params, request.params)
    return images.describe(id)
  })

  mount(app, deleteImage, async (request, reply) => {
    const { id } = parse(deleteImage.params, request.params)
    await images.delete(id)
    return reply.send()
  })
}
