import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Gateway, openGateway } from '../helpers/gateway.ts'

let gateway: Gateway

beforeEach(async () => {
  gateway = await openGateway()
})

afterEach(() => gateway.close())

test('the reference is a page with no script or style of its own', async () => {
  const { statusCode, headers, payload } = await gateway.app.inject('/docs')

  expect(statusCode).toBe(200)
  expect(headers['content-type']).toBe('text/html; charset=utf-8')
  expect(headers['content-security-policy']).toContain("script-src 'self';")
  expect(headers['content-security-policy']).toMatch(/^default-src 'none';/)
  expect(payload).not.toMatch(/<script>|<style|\son\w+=|https?:/)
})

test('what the page loads comes from this server', async () => {
  const { payload } = await gateway.app.inject('/docs')

  const files = Array.from(payload.matchAll(/(?:src|href)="([^"]+)"/g), ([, file]) => file)
  expect(files).toEqual(['docs/scalar.js', 'docs/start.js'])
  for (const file of files) {
    const reply = await gateway.app.inject(`/${file}`)
    expect(reply.statusCode).toBe(200)
    expect(reply.headers['content-type']).toMatch(/^text\/javascript/)
    expect(reply.payload.length).toBeGreaterThan(0)
  }
})

test('it shows the contract of this server, and asks nobody else', async () => {
  const { payload } = await gateway.app.inject('/docs/start.js')

  const settings = JSON.parse(/\{.*\}/.exec(payload)?.[0] ?? '')
  expect(settings).toMatchObject({
    url: 'openapi.json',
    withDefaultFonts: false,
    telemetry: false,
    hideClientButton: true,
  })
})
