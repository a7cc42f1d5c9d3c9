// The vendor's own client fetching many tickets, spoken to like worker.py: a line of JSON in, a line out.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)
const name = '@periskope/periskope-client'

async function fetchAll({ url, count, concurrency }) {
  require(`${name}/dist/constants/endpoints`).getRestBaseUri = () => url
  const { PeriskopeApi } = require(name)
  const client = new PeriskopeApi({ authToken: 'benchmark-key', phone: '919876543210' })
  const idOf = (number) => `BKT-${String(number).padStart(6, '0')}`

  async function run(size) {
    const fetched = []
    let next = 0
    const work = async () => {
      while (next < size) {
        fetched.push((await client.ticket.getById({ ticket_id: idOf(next++) })).data.ticket.ticket_id)
      }
    }
    await Promise.all(Array.from({ length: concurrency }, work))
    return fetched.sort()
  }

  await run(2 * concurrency)
  const started = process.hrtime.bigint()
  const fetched = await run(count)
  const microseconds = Number(process.hrtime.bigint() - started) / 1e3
  if (fetched.length !== count || fetched.some((id, number) => id !== idOf(number))) {
    throw new Error(`fetched ${fetched.length} tickets, not the ${count} asked for`)
  }
  return { 'µs per ticket': microseconds / count, requests: count + 2 * concurrency }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = { done: await fetchAll(JSON.parse(line)) }
  } catch (error) {
    answer = error.code === 'MODULE_NOT_FOUND' ? { absent: name } : { failed: String(error) }
  }
  console.log(JSON.stringify(answer))
}
