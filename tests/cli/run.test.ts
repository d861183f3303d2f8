import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Ended } from '../helpers/command-line.ts'
import { runHere } from '../helpers/fake-terminal.ts'
import { type Gateway, openGateway } from '../helpers/gateway.ts'

const street = 'samples/street.png'

let gateway: Gateway
let address: string

beforeAll(async () => {
  gateway = await openGateway()
  address = await gateway.app.listen({ host: '127.0.0.1', port: 0 })
})

afterAll(() => gateway.close())

const ask = (...args: string[]): Promise<Ended> => runHere(address, args)

describe('wrong use', () => {
  test.each([
    { args: ['caption'], why: 'the image is missing' },
    { args: ['caption', street, 'more'], why: 'more: one word too many' },
    { args: ['caption', street, '--colour'], why: "Unknown option '--colour'" },
    { args: ['caption', street, '--beams', 'two'], why: '--beams takes a number, not two' },
    { args: ['caption', street, '--ground', 'all'], why: '--ground takes box or mask, not all' },
    { args: ['caption', `img_${'0'.repeat(32)}`, '--open'], why: '--open needs the file' },
    { args: ['describe', street], why: 'describe takes either --box or --point' },
    { args: ['describe', street, '--point', '1'], why: '--point takes X,Y in pixels, not 1' },
    { args: ['locate', street], why: 'the phrase is missing' },
    { args: ['dance', street], why: 'there is no command dance' },
    { args: ['batch', 'samples'], why: '--out is missing' },
    { args: ['batch', 'samples', '--out', '.'], why: 'cannot write .' },
    { args: ['batch', 'samples', '--task', 'dance'], why: '--task takes caption, dense' },
    { args: ['batch', 'samples', '--task', 'locate'], why: 'the phrase is missing' },
    { args: ['batch', 'nowhere', '--out', 'answers.jsonl'], why: 'there is no folder nowhere' },
    { args: ['train', '--recipe', 'dance', '--dataset', 'ds_1'], why: '--recipe takes one of' },
    { args: ['train', '--recipe', 'ref'], why: '--dataset is missing' },
    { args: ['caption', street, '--url', 'nowhere'], why: 'nowhere is no address of a server' },
  ])('is told with what to do: $args', async ({ args, why }) => {
    const { code, out, err } = await ask(...args)

    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(/^pixelllm: .*\nTry: pixelllm --help\n$/)
    expect(err).toContain(why)
  })
})

describe('a failure', () => {
  test.each([
    { args: ['caption', 'nothing.png'], why: 'cannot read nothing.png: there is no such file' },
    { args: ['caption', 'README.md'], why: '(image_unsupported)' },
    { args: ['caption', street, '--beams', '99'], why: '/beams: ' },
    { args: ['caption', street, '--model', 'nobody'], why: '(model_not_found)' },
  ])('is said in a sentence: $args', async ({ args, why }) => {
    const { code, out, err } = await ask(...args)

    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^pixelllm: /)
    expect(err).toContain(why)
  })
})

describe('help', () => {
  test.each([[['--help']], [['help']], [[]]])('lists the commands: %j', async (args) => {
    const { code, out } = await ask(...args)

    expect(code).toBe(0)
    expect(out).toContain('batch FOLDER --out ANSWERS.jsonl')
  })

  test('explains a command', async () => {
    const { out } = await ask('datasets', 'upload', '--help')

    expect(out).toContain('Usage: pixelllm datasets upload ARCHIVE')
    expect(out).toContain('--name TEXT')
  })
})

describe('the address of the server', () => {
  test('is that of --url before PIXELLLM_URL', async () => {
    const { code } = await runHere('http://127.0.0.1:1', ['health', '--url', address])

    expect(code).toBe(0)
  })

  test('has a default where PIXELLLM_URL is empty', async () => {
    const { code } = await runHere('', ['health', '--url', address])

    expect(code).toBe(0)
  })
})

test('ends with 130 when it is interrupted', async () => {
  const { code, out, err } = await runHere(address, ['caption', street], {
    signal: AbortSignal.abort(),
  })

  expect({ code, out, err }).toEqual({ code: 130, out: '', err: '' })
})
