import { examplesIn, withReplies } from '../../../scripts/readme/examples.ts'
import { formatReply } from '../../../scripts/readme/format-reply.ts'

const readme = `# Title

\`\`\`sh
npm start    # and then
curl -F image=@a.png \\
  http://127.0.0.1:8080/v1/caption
\`\`\`

\`\`\`json
{ "old": true }
\`\`\`

Text.

\`\`\`sh
npm test
\`\`\`

\`\`\`sh
curl http://127.0.0.1:8080/healthz
\`\`\`

The end.
`

test('an example is a command with curl, and the reply below it where there is one', () => {
  expect(examplesIn(readme)).toEqual([
    {
      command: 'curl -F image=@a.png \\\n  http://127.0.0.1:8080/v1/caption',
      reply: '{ "old": true }\n',
    },
    { command: 'curl http://127.0.0.1:8080/healthz', reply: undefined },
  ])
})

test('replies replace older ones, and everything else stays', async () => {
  const replies = ['{\n  "new": 1\n}\n', 'event: word\n']

  const written = await withReplies(readme, async () => replies.shift() ?? '')

  expect(written).toBe(
    readme
      .replace('{ "old": true }\n', '{\n  "new": 1\n}\n')
      .replace('healthz\n```\n', 'healthz\n```\n\n```text\nevent: word\n```\n'),
  )
  expect(examplesIn(written).map(({ reply }) => reply)).toEqual([
    '{\n  "new": 1\n}\n',
    'event: word\n',
  ])
})

test('a mask is written with the beginning of its runs', () => {
  const mask = { size: [256, 203], counts: '0123456789'.repeat(3) }
  const small = { size: [4, 5], counts: '5220003' }

  const text = formatReply({ mask, regions: [{ caption: 'a b', mask: small }] })

  expect(text).toBe(`{
  "mask": { "size": [256, 203], "counts": "012345678901234567890123..." },
  "regions": [
    { "caption": "a b", "mask": { "size": [4, 5], "counts": "5220003" } }
  ]
}
`)
})

test('a reply is written with a field and a word per line', () => {
  const reply = { caption: 'a b', words: [{ text: 'a', point: [1, 2.5] }, { text: 'b' }], score: 1 }

  const text = formatReply(reply)

  expect(text).toBe(`{
  "caption": "a b",
  "words": [
    { "text": "a", "point": [1, 2.5] },
    { "text": "b" }
  ],
  "score": 1
}
`)
  expect(JSON.parse(text)).toEqual(reply)
})
